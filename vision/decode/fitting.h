// Which families' outputs a model's outputs can be, by their shapes, types and names.
#pragma once
#include <octet/octet.h>

#include <span>
#include <string>
#include <vector>

#include "vision/arch.h"

namespace octet::vision {

// A model's outputs for pictures of one size. Sizes that data decide are -1; there are no elements.
struct Form {
  Model model;  // keeps names alive
  std::vector<Tensor> outputs;
  int height = 0, width = 0;  // of the pictures
};

// Where the model leaves sizes open, those for pictures of `img_shape`, 0: 640.
Result<Form> form_of(const Model& model, int img_shape);

struct Fit {
  Arch arch;
  int classes = 0;  // that the network tells apart if it is of that family; 0: its outputs do not say
};

// Families that the outputs can be of, in the order of the table. Of families that read alike the first stands for all.
// Where one of them would tell the number of `classes` apart (0: not known; then COCO's 80), those that tell another are left out.
std::vector<Fit> fitting(std::span<const Tensor> outputs, int height, int width, size_t classes);

// "YOLOv6, YOLOX"
std::string names_of(std::span<const Fit> fits);

// Is this a number of boxes that a grid of cells has, with one or three of them in each?
bool is_grid(int64_t boxes, int height, int width);

}  // namespace octet::vision
