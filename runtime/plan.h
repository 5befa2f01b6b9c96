// A model prepared for given input shapes: precision of each node, conversions between forms, views, memory, kernels.
#pragma once
#include <octet/octet.h>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "runtime/infer.h"
#include "runtime/op.h"

namespace octet {

struct PlanStep {
  const NodeDef* node = nullptr;  // null: a conversion
  bool quantize = false;          // of the conversions: f32 to u8, else back
  Precision precision = Precision::kF32;
  std::vector<int> inputs, outputs;  // value ids; -1: absent
  Step step;
};

// Where a value lives: in memory of its own, or inside another value's.
struct Place {
  int parent = -1;
  int64_t rows = 0, channels = 0;  // offset inside the parent
  bool other_rows = false;         // a reshape that changes the row's length: both are dense
  size_t offset = 0;               // bytes in the arena, resolved
};

class Plan {
 public:
  static Result<std::unique_ptr<Plan>> make(const ModelData& model, std::span<const Shape> input_shapes,
                                            const SessionOptions& options);

  const ModelData& model;
  std::vector<Shape> input_shapes;
  std::deque<Value> values;
  std::vector<Place> places;  // by value id
  std::vector<PlanStep> steps;
  std::vector<int> inputs, outputs;  // value ids
  std::vector<StepProfile> profile;  // by step
  size_t scratch_offset = 0;
  size_t arena_bytes = 0;
  Inferred inferred;

 private:
  explicit Plan(const ModelData& m) : model(m) {}
};

}  // namespace octet
