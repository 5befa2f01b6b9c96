// ONNX' constants: every way in which a file stores their elements.
#include "converter/import/onnx/tensor.h"

#include <charconv>
#include <fstream>
#include <limits>

#include "converter/graph/shapes.h"
#include "converter/import/build/elements.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

enum : int32_t {
  kFloat = 1,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kInt32,
  kInt64,
  kString,
  kBool,
  kHalf,
  kDouble,
  kUint32,
  kUint64,
  kBfloat16 = 16
};

Error bad(std::string text) { return {Code::kBadModel, std::move(text)}; }

size_t stored_bytes(int32_t type) {
  switch (type) {
    case kUint8:
    case kInt8:
    case kBool:
      return 1;
    case kUint16:
    case kInt16:
    case kHalf:
    case kBfloat16:
      return 2;
    case kInt64:
    case kDouble:
    case kUint64:
      return 8;
    default:
      return 4;
  }
}

// `raw`: elements as raw_data stores them.
Result<void> decode(const std::string& raw, int32_t type, Tensor& t) {
  auto plain = [](auto v) { return v; };
  switch (type) {
    case kHalf:
      convert_all<uint16_t, float>(raw, t, half_to_float);
      break;
    case kBfloat16:
      convert_all<uint16_t, float>(raw, t, bfloat16_to_float);
      break;
    case kDouble:
      convert_all<double, float>(raw, t, [](double v) { return static_cast<float>(v); });
      break;
    case kUint16:
      convert_all<uint16_t, int32_t>(raw, t, plain);
      break;
    case kInt16:
      convert_all<int16_t, int32_t>(raw, t, plain);
      break;
    case kUint32:
      convert_all<uint32_t, int64_t>(raw, t, plain);
      break;
    case kBool:
      convert_all<uint8_t, uint8_t>(raw, t, [](uint8_t v) -> uint8_t { return v != 0; });
      break;
    case kUint64:
      convert_all<uint64_t, int64_t>(raw, t, [](uint64_t v) {
        return static_cast<int64_t>(std::min<uint64_t>(v, std::numeric_limits<int64_t>::max()));
      });
      break;
    default:
      t.data.resize(raw.size());
      std::transform(raw.begin(), raw.end(), t.data.begin(), [](char c) { return static_cast<std::byte>(c); });
  }
  if (t.dtype == DType::kF32)
    for (float v : t.values<float>())
      if (std::isnan(v)) return bad("holds a value that is not a number");
  return {};
}

template <class Stored, class Field>
std::string raw_of(const Field& field) {
  std::string raw(static_cast<size_t>(field.size()) * sizeof(Stored), '\0');
  for (int i = 0; i < field.size(); ++i) {
    const Stored v = static_cast<Stored>(field.Get(i));
    std::memcpy(raw.data() + static_cast<size_t>(i) * sizeof(Stored), &v, sizeof v);
  }
  return raw;
}

// The typed fields, brought to the form of raw_data.
std::string typed_data(const onnx::TensorProto& p) {
  switch (p.data_type()) {
    case kFloat:
      return raw_of<float>(p.float_data());
    case kDouble:
      return raw_of<double>(p.double_data());
    case kInt64:
      return raw_of<int64_t>(p.int64_data());
    case kUint32:
      return raw_of<uint32_t>(p.uint64_data());
    case kUint64:
      return raw_of<uint64_t>(p.uint64_data());
    default:
      break;
  }
  switch (stored_bytes(p.data_type())) {
    case 1:
      return raw_of<uint8_t>(p.int32_data());
    case 2:
      return raw_of<uint16_t>(p.int32_data());
    default:
      return raw_of<int32_t>(p.int32_data());
  }
}

Result<std::string> external_data(const onnx::TensorProto& p, SourceFiles& files, size_t expected) {
  std::string location;
  uint64_t offset = 0, length = expected;
  for (const auto& e : p.external_data()) {
    const std::string& v = e.value();
    if (e.key() == "location") location = v;
    uint64_t* number = e.key() == "offset" ? &offset : e.key() == "length" ? &length : nullptr;
    if (!number) continue;
    const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), *number);
    if (error != std::errc() || end != v.data() + v.size())
      return bad("external data: bad " + e.key() + " '" + v + "'");
  }
  const auto file = file_below(files.folder, location);
  if (!file) return Error{file.error().code, "external data: " + file.error().text};
  std::error_code failed;
  const uint64_t size = fs::file_size(*file, failed);
  if (failed) return Error{Code::kIo, "external data: cannot read '" + location + "'"};
  if (length != expected || offset > size || length > size - offset)
    return Error{Code::kBadFile,
                 "external data: '" + location + "' does not hold the " + std::to_string(expected) + " bytes"};
  if (expected > files.left) return Error{Code::kBadFile, "external data: all together is " + files.over};
  files.left -= expected;
  std::string raw(expected, '\0');
  std::ifstream in(*file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(raw.data(), static_cast<std::streamsize>(expected)))
    return Error{Code::kIo, "external data: cannot read '" + location + "'"};
  return raw;
}

}  // namespace

std::optional<DType> dtype_of_onnx(int32_t type) {
  switch (type) {
    case kFloat:
    case kHalf:
    case kDouble:
    case kBfloat16:
      return DType::kF32;
    case kUint8:
      return DType::kU8;
    case kInt8:
      return DType::kS8;
    case kUint16:
    case kInt16:
    case kInt32:
      return DType::kS32;
    case kInt64:
    case kUint32:
    case kUint64:
      return DType::kS64;
    case kBool:
      return DType::kBool;
    default:
      return std::nullopt;
  }
}

Result<Tensor> read_tensor(const onnx::TensorProto& p, SourceFiles& files) {
  const auto dtype = dtype_of_onnx(p.data_type());
  if (!dtype) return Error{Code::kUnsupported, "element type " + std::to_string(p.data_type()) + " is not supported"};
  if (p.dims_size() > kMaxRank) return bad("has more than 8 dims");
  Tensor t{.name = p.name(), .dtype = *dtype, .constant = true};
  for (int64_t d : p.dims()) {
    if (d < 0 || d > kMaxDim) return bad("has a size of " + std::to_string(d));
    t.shape.push_back(d);
  }
  const int64_t count = t.shape.elements();
  if (count < 0 || count > (int64_t{1} << 40)) return bad("is too large: " + t.shape.text());
  const size_t expected = static_cast<size_t>(count) * stored_bytes(p.data_type());
  std::string converted;
  const std::string* raw = &p.raw_data();
  if (p.data_location() == 1) {
    auto read = external_data(p, files, expected);
    if (!read) return read.error();
    converted = std::move(*read);
    raw = &converted;
  } else if (!p.has_raw_data()) {
    converted = typed_data(p);
    raw = &converted;
  }
  if (raw->size() != expected)
    return bad("holds " + std::to_string(raw->size()) + " bytes where its shape " + t.shape.text() + " needs " +
               std::to_string(expected));
  if (auto done = decode(*raw, p.data_type(), t); !done) return done.error();
  return t;
}

}  // namespace octet::convert
