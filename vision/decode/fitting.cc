// One predicate a decoder, stricter than the decoder itself: it has to tell families apart that a user did not name.
#include "vision/decode/fitting.h"

#include <algorithm>
#include <optional>

#include "vision/feed.h"

namespace octet::vision {
namespace {

constexpr int kUsualSide = 640;
constexpr int kCocoClasses = 80;

int64_t cells_of(int height, int width, int first_stride, int last_stride) {
  int64_t cells = 0;
  for (int s = first_stride; s <= last_stride; s *= 2) cells += int64_t{(height + s - 1) / s} * ((width + s - 1) / s);
  return cells;
}

struct View {
  std::span<const Tensor> outputs;
  int height, width;

  // f32 of three axes, two of which are the given ones (-1: any).
  bool volume(size_t i, int64_t rows, int64_t columns) const {
    if (i >= outputs.size() || outputs[i].dtype != DType::kF32 || outputs[i].shape.rank() != 3) return false;
    const Shape& s = outputs[i].shape;
    return (rows < 0 || s[1] == rows) && (columns < 0 || s[2] == columns);
  }
  // Boxes of `anchors` a cell, of strides from 8 to 32 or to 64.
  bool grid(int64_t boxes, int anchors) const {
    for (const int last : {32, 64})
      if (boxes == anchors * cells_of(height, width, 8, last)) return true;
    return false;
  }
  int64_t dim(size_t i, int axis) const { return outputs[i].shape[axis]; }
  bool integers(size_t i) const { return outputs[i].dtype == DType::kS64 || outputs[i].dtype == DType::kS32; }
};

// The number of classes if the outputs are of the form, 0 where they do not say it.
using Classes = std::optional<int64_t>;
Classes at_least_one(int64_t classes) { return classes >= 1 ? Classes(classes) : std::nullopt; }

bool is_rows_of_nms(const View& v) {
  return !v.outputs.empty() && v.outputs[0].dtype == DType::kF32 && v.outputs[0].shape.rank() == 2 && v.dim(0, 1) == 6;
}

int64_t prototypes(const View& v) {
  return v.outputs.size() == 2 && v.outputs[1].shape.rank() == 4 && v.outputs[1].dtype == DType::kF32 ? v.dim(1, 1) : 0;
}

Classes yolo5(const View& v, int anchors) {
  if (!v.volume(0, -1, -1) || !v.grid(v.dim(0, 1), anchors)) return {};
  return at_least_one(v.dim(0, 2) - 5 - prototypes(v));
}

Classes yolo8(const View& v, int64_t more) {
  if (!v.volume(0, -1, -1)) return {};
  if (v.dim(0, 2) == 6 && v.dim(0, 1) > 0 && !is_grid(v.dim(0, 1), v.height, v.width)) return 0;  // final boxes
  if (!is_grid(v.dim(0, 2), v.height, v.width)) return {};
  if (v.outputs.size() != 1 && !prototypes(v)) return {};
  return at_least_one(v.dim(0, 1) - 4 - more - prototypes(v));
}

Classes corners(const View& v) {
  if (is_rows_of_nms(v)) return 0;
  if (v.outputs.size() == 1 && v.volume(0, -1, -1) && v.grid(v.dim(0, 1), 1)) return at_least_one(v.dim(0, 2) - 4);
  if (v.outputs.size() != 2) return {};
  for (const size_t boxes : {size_t{0}, size_t{1}})
    if (v.volume(boxes, -1, 4) && v.volume(1 - boxes, -1, v.dim(boxes, 1)) && v.grid(v.dim(boxes, 1), 1))
      return at_least_one(v.dim(1 - boxes, 1));
  return {};
}

// Scores of each stride, then distances of each stride: of PicoDet four or five strides, of NanoDet three.
Classes gfl(const View& v) {
  if (const Classes decoded = corners(v); decoded && (v.outputs.size() == 2 || *decoded == 0)) return decoded;
  const size_t levels = v.outputs.size() / 2;
  if (levels < 4 || levels > 5 || v.outputs.size() % 2) return {};
  int stride = 8;
  for (size_t i = 0; i < levels; ++i, stride *= 2) {
    const int64_t cells = cells_of(v.height, v.width, stride, stride);
    if (!v.volume(i, cells, -1) || !v.volume(levels + i, cells, -1)) return {};
    if (v.dim(levels + i, 2) % 4 || v.dim(i, 2) != v.dim(0, 2)) return {};
  }
  return at_least_one(v.dim(0, 2));
}

Classes nanodet(const View& v) {
  constexpr int64_t kSides = 32;
  if (v.outputs.size() != 1 || !v.volume(0, -1, -1) || !v.grid(v.dim(0, 1), 1)) return {};
  return at_least_one(v.dim(0, 2) - kSides);
}

// Boxes and classes of queries look like SSD's but for their names.
bool names_queries(const View& v) {
  return std::any_of(v.outputs.begin(), v.outputs.end(), [](const Tensor& t) {
    return t.name.find("logits") != std::string_view::npos || t.name.find("dets") != std::string_view::npos;
  });
}

Classes ssd(const View& v) {
  if (names_queries(v)) return {};
  if (v.outputs.size() < 2 || v.outputs.size() > 3 || !v.volume(0, -1, 4) || !v.volume(1, -1, -1)) return {};
  const int64_t boxes = v.dim(0, 1);
  if (v.grid(boxes, 1)) return {};  // PP-YOLOE's and PicoDet's
  if (v.outputs.size() == 3)
    return v.integers(2) && v.outputs[2].shape.rank() == 2 && v.dim(2, 1) == 3 && v.dim(1, 2) == boxes
               ? at_least_one(v.dim(1, 1))
               : std::nullopt;
  if (v.dim(1, 2) == boxes) return at_least_one(v.dim(1, 1));
  return v.dim(1, 1) == boxes ? at_least_one(v.dim(1, 2) - 1) : std::nullopt;
}

Classes detr(const View& v) {
  bool labels = false, boxes = false, scores = false;
  for (size_t i = 0; i < v.outputs.size(); ++i) {
    const bool two = v.outputs[i].shape.rank() == 2;
    labels |= two && v.integers(i);
    scores |= two && v.outputs[i].dtype == DType::kF32;
    boxes |= v.volume(i, -1, 4);
  }
  return labels && boxes && scores && v.outputs.size() == 3 ? Classes(0) : std::nullopt;
}

// Classes of each of a query's boxes, or of both in one; outputs' names tell them from SSD's.
Classes queries(const View& v) {
  if (v.outputs.size() == 1 && v.volume(0, -1, -1) && v.dim(0, 1) > 0 && v.dim(0, 1) % 100 == 0 &&
      v.dim(0, 1) <= 1000 && !is_grid(v.dim(0, 1), v.height, v.width) && v.dim(0, 2) > 7)
    return v.dim(0, 2) - 4;
  if (v.outputs.size() != 2 || !names_queries(v)) return {};
  for (const size_t boxes : {size_t{0}, size_t{1}})
    if (v.volume(boxes, -1, 4) && v.volume(1 - boxes, v.dim(boxes, 1), -1)) return v.dim(1 - boxes, 2);
  return {};
}

// Outputs of each width; rows of all levels together.
struct Widths {
  size_t ones = 0, twos = 0, fours = 0, tens = 0, others = 0;
};
Widths widths(const View& v) {
  Widths w;
  for (const Tensor& t : v.outputs) {
    const int64_t last = t.dtype == DType::kF32 && t.shape.rank() >= 2 && t.shape.rank() <= 3 ? t.shape[-1] : 0;
    ++(last == 1 ? w.ones : last == 2 ? w.twos : last == 4 ? w.fours : last == 10 ? w.tens : w.others);
  }
  return w;
}

Classes faces(Decoder decoder, const View& v) {
  const Widths w = widths(v);
  if (w.others) return {};
  bool fits = false;
  if (decoder == Decoder::kScrfd)
    fits = w.ones >= 2 && w.fours == w.ones && (w.tens == 0 || w.tens == w.ones) && !w.twos;
  if (decoder == Decoder::kRetinaFace) fits = !w.ones && w.twos == 1 && w.fours == 1 && w.tens == 1;
  if (decoder == Decoder::kYuNet) fits = w.fours >= 1 && w.ones == 2 * w.fours && w.tens == w.fours && !w.twos;
  if (decoder == Decoder::kUltraFace) fits = v.outputs.size() == 2 && w.twos == 1 && w.fours == 1 && v.dim(0, -1) == 2;
  return fits ? Classes(1) : std::nullopt;
}

Classes nanodet_levels(const View& v) {
  const size_t levels = v.outputs.size() / 2;
  if (levels < 2 || levels > 3 || v.outputs.size() % 2) return {};
  int64_t classes = 0;
  int stride = 8;
  for (size_t i = 0; i < levels; ++i, stride *= 2) {
    size_t scores = 0, sides = 0;
    for (size_t k = 0; k < v.outputs.size(); ++k) {
      if (!v.volume(k, cells_of(v.height, v.width, stride, stride), -1)) continue;
      if (v.dim(k, 2) == 32 && !sides)
        ++sides;
      else
        ++scores, classes = v.dim(k, 2);
    }
    if (scores != 1 || sides != 1) return {};
  }
  return at_least_one(classes);
}

Classes classes_if(Decoder decoder, std::string_view arch, const View& v) {
  switch (decoder) {
    case Decoder::kYolo5:
      return yolo5(v, arch == "YOLOv6" ? 1 : 3);
    case Decoder::kYoloX:
      return v.volume(0, cells_of(v.height, v.width, 8, 32), -1) ? at_least_one(v.dim(0, 2) - 5) : std::nullopt;
    case Decoder::kYolo8:
      return yolo8(v, 0);
    case Decoder::kPose: {
      const Classes more =
          v.volume(0, -1, -1) && v.dim(0, 1) > 8 && (v.dim(0, 1) - 5) % 3 == 0 ? Classes(1) : Classes();
      return more && is_grid(v.dim(0, 2), v.height, v.width) && v.outputs.size() == 1 ? more : std::nullopt;
    }
    case Decoder::kRotated:
      return v.volume(0, -1, -1) && v.dim(0, 2) != 6 && v.outputs.size() == 1 ? yolo8(v, 1) : std::nullopt;
    case Decoder::kFastestDet:
      return v.outputs.size() == 1 && v.outputs[0].shape.rank() == 4 && v.dim(0, 2) * 16 == v.height &&
                     v.dim(0, 3) * 16 == v.width
                 ? at_least_one(v.dim(0, 1) - 5)
                 : std::nullopt;
    case Decoder::kScrfd:
    case Decoder::kRetinaFace:
    case Decoder::kYuNet:
    case Decoder::kUltraFace:
      return faces(decoder, v);
    case Decoder::kYolo5Face:
      return v.volume(0, -1, 16) && v.grid(v.dim(0, 1), 3) ? Classes(1) : std::nullopt;
    case Decoder::kClasses:
      return v.outputs.size() == 1 && v.outputs[0].dtype == DType::kF32 && v.outputs[0].shape.rank() == 2 &&
                     v.dim(0, 1) > 7
                 ? Classes(v.dim(0, 1))
                 : std::nullopt;
    case Decoder::kCorners:
      return corners(v);
    case Decoder::kGfl:
      return gfl(v);
    case Decoder::kNanoDet:
      return v.outputs.size() > 1 ? nanodet_levels(v) : nanodet(v);
    case Decoder::kSsd:
    case Decoder::kSsdCorners:
      return ssd(v);
    case Decoder::kDetr:
      if (arch == "RF-DETR")
        return v.outputs.size() == 2 && v.outputs[0].name.find("dets") != std::string_view::npos ? queries(v)
                                                                                                 : std::nullopt;
      if (v.outputs.size() == 2 && v.outputs[0].name.find("dets") != std::string_view::npos) return {};
      return v.outputs.size() < 3 ? queries(v) : detr(v);
    case Decoder::kRows:
    case Decoder::kRelativeRows:
      return is_rows_of_nms(v) ? Classes(0) : std::nullopt;
    case Decoder::kNoBoxes: {
      if (v.outputs.empty()) return {};
      const int rank = v.outputs[0].shape.rank();
      if (rank == 4) return std::max<int64_t>(std::min(v.dim(0, 1), v.dim(0, 3)), 0);
      if (rank != 3) return {};
      return v.outputs[0].dtype != DType::kF32 || v.volume(0, v.height, v.width) ? Classes(0) : std::nullopt;
    }
  }
  return {};
}

}  // namespace

bool is_grid(int64_t boxes, int height, int width) {
  for (const int first : {4, 8, 16})
    for (int last = 2 * first; last <= 128; last *= 2)
      for (const int anchors : {1, 3})
        if (last >= 32 && boxes == anchors * cells_of(height, width, first, last)) return true;
  return false;
}

Result<Form> form_of(const Model& model, int img_shape) {
  Form form{.model = model, .outputs = {}};
  const auto feed = Feed::of(form.model);
  if (!feed) return feed.error();
  auto size = feed->size(Preprocess{.height = 0, .width = 0}, img_shape);
  if (!size) return size.error();
  const int usual = img_shape ? img_shape : kUsualSide;
  form.height = size->height = size->height ? size->height : usual;
  form.width = size->width = size->width ? size->width : usual;
  bool open = false;
  for (const TensorInfo& t : form.model.outputs()) {
    form.outputs.push_back({.name = t.name, .dtype = t.dtype, .shape = t.shape});
    open |= t.shape.elements() < 0;
  }
  if (!open) return form;
  auto session = Session::create(form.model, SessionOptions{.precision = Precision::kF32});
  if (!session) return session.error();
  if (auto ready = feed->prepare(*session, *size); !ready) return ready.error();
  for (size_t i = 0; i < form.outputs.size(); ++i)
    if (const Tensor t = session->output(static_cast<int>(i)); t.shape.rank() == form.outputs[i].shape.rank())
      form.outputs[i].shape = t.shape;
  return form;
}

std::vector<Fit> fitting(std::span<const Tensor> outputs, int height, int width, size_t classes) {
  const View view{outputs, height, width};
  std::vector<Arch> archs = all_archs();
  archs.push_back(*arch_of("seg"));
  std::vector<Fit> fits;
  for (const Arch& arch : archs) {
    const Classes found = classes_if(arch.decoder, arch.name, view);
    if (!found) continue;
    const auto alike = [&](const Fit& f) { return f.arch.same_as(arch); };
    if (std::none_of(fits.begin(), fits.end(), alike)) fits.push_back({arch, static_cast<int>(*found)});
  }
  const int wanted = classes ? static_cast<int>(classes) : kCocoClasses;
  const auto other = [&](const Fit& f) { return f.classes != 0 && f.classes != wanted; };
  if (std::any_of(fits.begin(), fits.end(), [&](const Fit& f) { return f.classes == wanted; }))
    std::erase_if(fits, other);
  return fits;
}

std::string names_of(std::span<const Fit> fits) {
  std::string names;
  for (const Fit& f : fits) names.append(names.empty() ? "" : ", ").append(f.arch.name);
  return names;
}

}  // namespace octet::vision
