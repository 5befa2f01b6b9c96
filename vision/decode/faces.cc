// Face detectors: SCRFD, RetinaFace, YuNet, UltraFace and YOLO5Face. They differ in how boxes and five points lie to a cell.
#include "vision/decode/faces.h"

namespace octet::vision {
namespace {

constexpr size_t kPointColumns = 2 * kFacePoints;

size_t cells_of(const Geometry& g, int stride) {
  return static_cast<size_t>((g.input_height + stride - 1) / stride) *
         static_cast<size_t>((g.input_width + stride - 1) / stride);
}

// Upper left corner of cell i, in cells.
std::pair<float, float> cell(size_t i, const Geometry& g, int stride) {
  const size_t columns = static_cast<size_t>((g.input_width + stride - 1) / stride);
  return {static_cast<float>(i % columns), static_cast<float>(i / columns)};
}

void add_face(float score, Detection box, size_t source, const Outputs& outputs, std::vector<Detection>& out) {
  if (!(score > outputs.options.score_threshold) || !is_finite(box)) return;
  box.score = score;
  box.source = static_cast<int>(source);
  out.push_back(box);
}

using Points = std::vector<KeyPoint>;

// All boxes of a picture and their points; boxes count through all levels.
Result<Found> finish_faces(const std::vector<Detection>& faces, const std::vector<float>& points,
                           const Outputs& outputs) {
  if (points.empty()) return finish(faces, 1, outputs);
  return finish_points(faces, 1, outputs, [&](size_t source, Points& out) {
    for (size_t k = 0; k < kFacePoints; ++k)
      out.push_back({points[source * kPointColumns + 2 * k], points[source * kPointColumns + 2 * k + 1]});
  });
}

}  // namespace

std::optional<FaceRows> face_rows(const Tensor& t, int index) {
  if (t.dtype != DType::kF32 || t.shape.elements() <= 0) return std::nullopt;
  if (t.shape.rank() == 2 && index == 0)
    return FaceRows{t.f32().data(), static_cast<size_t>(t.shape[0]), static_cast<size_t>(t.shape[1])};
  if (!is_volume(t, index)) return std::nullopt;
  return FaceRows{part_of(t, index).data(), static_cast<size_t>(t.shape[1]), static_cast<size_t>(t.shape[2])};
}

std::vector<FaceRows> face_rows_of(const Outputs& outputs, size_t columns) {
  std::vector<FaceRows> out;
  for (const Tensor& t : outputs.tensors) {
    const auto rows = face_rows(t, outputs.index);
    if (!rows) return {};
    if (rows->columns == columns) out.push_back(*rows);
  }
  std::stable_sort(out.begin(), out.end(), [](const FaceRows& a, const FaceRows& b) { return a.rows > b.rows; });
  return out;
}

// Distances of the four sides and of the points from the cell's corner, in strides; several boxes a cell.
Result<Found> decode_scrfd(const Outputs& outputs) {
  const auto scores = face_rows_of(outputs, 1), boxes = face_rows_of(outputs, 4),
             points = face_rows_of(outputs, kPointColumns);
  const char* expected = "scores {.., 1}, boxes {.., 4} and perhaps points {.., 10} of strides 8, 16, ...";
  if (scores.empty() || boxes.size() != scores.size() || (!points.empty() && points.size() != scores.size()) ||
      scores.size() + boxes.size() + points.size() != outputs.tensors.size())
    return unexpected(outputs.tensors[0], expected);
  std::vector<Detection> faces;
  std::vector<float> places;
  size_t source = 0;
  for (size_t level = 0; level < scores.size(); ++level) {
    const int stride = 8 << level;
    const size_t cells = cells_of(outputs.geometry, stride), rows = scores[level].rows;
    if (rows % cells || rows == 0 || boxes[level].rows != rows || (!points.empty() && points[level].rows != rows))
      return unexpected(outputs.tensors[0], expected);
    const float s = static_cast<float>(stride);
    for (size_t i = 0; i < rows; ++i, ++source) {
      const auto [column, row] = cell(i / (rows / cells), outputs.geometry, stride);
      const float x = column * s, y = row * s;
      const float* b = boxes[level][i];
      add_face(scores[level][i][0], {.x1 = x - b[0] * s, .y1 = y - b[1] * s, .x2 = x + b[2] * s, .y2 = y + b[3] * s},
               source, outputs, faces);
      for (size_t k = 0; !points.empty() && k < kPointColumns; ++k)
        places.push_back((k % 2 ? y : x) + points[level][i][k] * s);
    }
  }
  return finish_faces(faces, places, outputs);
}

// Two prior boxes a cell of strides 8, 16, 32, whose sides double from 16 pixels on; offsets in tenths and fifths of them.
Result<Found> decode_retina_face(const Outputs& outputs) {
  constexpr float kCentre = .1f, kSize = .2f;
  const auto scores = face_rows_of(outputs, 2), boxes = face_rows_of(outputs, 4),
             points = face_rows_of(outputs, kPointColumns);
  size_t priors = 0;
  for (const int stride : {8, 16, 32}) priors += 2 * cells_of(outputs.geometry, stride);
  if (scores.size() != 1 || boxes.size() != 1 || points.size() != 1 || scores[0].rows != priors ||
      boxes[0].rows != priors || points[0].rows != priors)
    return unexpected(outputs.tensors[0],
                      ("boxes, two scores and five points of " + std::to_string(priors) + " prior boxes").c_str());
  std::vector<Detection> faces;
  std::vector<float> places;
  size_t source = 0;
  float side = 16;
  for (const int stride : {8, 16, 32}) {
    const float s = static_cast<float>(stride);
    for (size_t i = 0; i < 2 * cells_of(outputs.geometry, stride); ++i, ++source) {
      const auto [column, row] = cell(i / 2, outputs.geometry, stride);
      const float prior = i % 2 ? 2 * side : side, x = (column + .5f) * s, y = (row + .5f) * s;
      const float* b = boxes[0][source];
      add_face(scores[0][source][1],
               centred(x + b[0] * kCentre * prior, y + b[1] * kCentre * prior, prior * std::exp(b[2] * kSize),
                       prior * std::exp(b[3] * kSize)),
               source, outputs, faces);
      for (size_t k = 0; k < kPointColumns; ++k)
        places.push_back((k % 2 ? y : x) + points[0][source][k] * kCentre * prior);
    }
    side *= 4;
  }
  return finish_faces(faces, places, outputs);
}

// The score is the geometric mean of two; centres and points are offsets in cells, sizes logarithms in strides.
Result<Found> decode_yunet(const Outputs& outputs) {
  const auto scores = face_rows_of(outputs, 1), boxes = face_rows_of(outputs, 4),
             points = face_rows_of(outputs, kPointColumns);
  const char* expected = "two scores, boxes and points of each stride";
  if (boxes.empty() || scores.size() != 2 * boxes.size() || points.size() != boxes.size() ||
      4 * boxes.size() != outputs.tensors.size())
    return unexpected(outputs.tensors[0], expected);
  std::vector<Detection> faces;
  std::vector<float> places;
  size_t source = 0;
  for (size_t level = 0; level < boxes.size(); ++level) {
    const int stride = 8 << level;
    const float s = static_cast<float>(stride);
    const size_t cells = cells_of(outputs.geometry, stride);
    const FaceRows &first = scores[2 * level], &second = scores[2 * level + 1];
    if (first.rows != cells || second.rows != cells || boxes[level].rows != cells || points[level].rows != cells)
      return unexpected(outputs.tensors[0], expected);
    for (size_t i = 0; i < cells; ++i, ++source) {
      const auto [column, row] = cell(i, outputs.geometry, stride);
      const float* b = boxes[level][i];
      const float score = std::sqrt(std::max(first[i][0], 0.0f) * std::max(second[i][0], 0.0f));
      add_face(score, centred((column + b[0]) * s, (row + b[1]) * s, std::exp(b[2]) * s, std::exp(b[3]) * s), source,
               outputs, faces);
      for (size_t k = 0; k < kPointColumns; ++k) places.push_back(((k % 2 ? row : column) + points[level][i][k]) * s);
    }
  }
  return finish_faces(faces, places, outputs);
}

Result<Found> decode_ultra_face(const Outputs& outputs) {
  if (outputs.tensors.size() != 2) return unexpected(outputs.tensors[0], "scores and boxes");
  std::array<Tensor, 2> sorted{outputs.tensors[0], outputs.tensors[1]};
  if (sorted[0].shape.rank() == 3 && sorted[0].shape[2] != 4) std::swap(sorted[0], sorted[1]);
  return decode_ssd({sorted, outputs.index, outputs.geometry, outputs.options}, true);
}

Result<Found> decode_yolo5_face(const Outputs& outputs) {
  constexpr size_t kColumns = 5 + kPointColumns + 1;
  const Tensor& t = outputs.tensors[0];
  if (!is_volume(t, outputs.index) || t.shape[2] != static_cast<int64_t>(kColumns))
    return unexpected(t, "f32 {batch, boxes, 16}");
  const float* rows = part_of(t, outputs.index).data();
  std::vector<Detection> faces;
  for (size_t i = 0; i < static_cast<size_t>(t.shape[1]); ++i) {
    const float* row = rows + i * kColumns;
    add_face(row[4] * row[kColumns - 1], centred(row[0], row[1], row[2], row[3]), i, outputs, faces);
  }
  return finish_points(faces, 1, outputs, [&](size_t source, Points& out) {
    const float* at = rows + source * kColumns + 5;
    for (size_t k = 0; k < kFacePoints; ++k) out.push_back({at[2 * k], at[2 * k + 1]});
  });
}

}  // namespace octet::vision
