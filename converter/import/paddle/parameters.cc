// A record: u32 version, u64 levels of LoD (each u64 bytes and its data), u32 version, i32 bytes of a TensorDesc, that
// message, the elements row-major. Records follow each other without padding.
#include "converter/import/paddle/parameters.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "converter/graph/shapes.h"
#include "converter/import/build/elements.h"
#include "paddle.pb.h"

namespace octet::convert {
namespace {

enum : int32_t {
  kBool = 0,
  kInt16 = 1,
  kInt32 = 2,
  kInt64 = 3,
  kHalf = 4,
  kFloat = 5,
  kDouble = 6,
  kUint8 = 20,
  kInt8 = 21,
  kBfloat16 = 22
};

size_t stored_bytes(int32_t type) {
  switch (type) {
    case kBool:
    case kUint8:
    case kInt8:
      return 1;
    case kInt16:
    case kHalf:
    case kBfloat16:
      return 2;
    case kInt64:
    case kDouble:
      return 8;
    default:
      return 4;
  }
}

void decode(std::string_view raw, int32_t type, Tensor& t) {
  auto to_s64 = [](auto v) { return static_cast<int64_t>(v); };
  switch (type) {
    case kHalf:
      return convert_all<uint16_t, float>(raw, t, half_to_float);
    case kBfloat16:
      return convert_all<uint16_t, float>(raw, t, bfloat16_to_float);
    case kDouble:
      return convert_all<double, float>(raw, t, [](double v) { return static_cast<float>(v); });
    case kInt16:
      return convert_all<int16_t, int64_t>(raw, t, to_s64);
    case kInt32:
      return convert_all<int32_t, int64_t>(raw, t, to_s64);
    case kBool:
      return convert_all<uint8_t, uint8_t>(raw, t, [](uint8_t v) -> uint8_t { return v != 0; });
    default:
      t.data.resize(raw.size());
      std::transform(raw.begin(), raw.end(), t.data.begin(), [](char c) { return static_cast<std::byte>(c); });
  }
}

class Reader {
 public:
  static Result<Reader> open(const std::string& path) {
    Reader r;
    std::error_code failed;
    r.path_ = path;
    r.left_ = std::filesystem::file_size(path, failed);
    r.in_.open(path, std::ios::binary);
    if (failed || !r.in_) return Error{Code::kIo, path + ": cannot be opened"};
    return r;
  }

  uint64_t left() const { return left_; }

  Result<Tensor> record(const PaddleVariable& variable, SourceFiles& beside) {
    auto bad = [&](const std::string& text) {
      return Error{Code::kBadFile, path_ + ": variable '" + variable.name + "' " + text};
    };
    const Error short_file = bad("is cut off: the file ends inside it");
    uint32_t version = 0, inner_version = 0;
    uint64_t levels = 0;
    int32_t size = 0;
    if (!take(version) || !take(levels)) return short_file;
    if (version != 0 || levels > 64)
      return bad("is not where the sorted names say: these parameters belong to another program, or are damaged");
    for (uint64_t i = 0; i < levels; ++i) {
      uint64_t bytes = 0;
      if (!take(bytes) || !skip(bytes)) return short_file;
    }
    if (!take(inner_version) || !take(size)) return short_file;
    if (inner_version != 0 || size < 0 || size > 4096) return bad("has a damaged description");
    std::string text(static_cast<size_t>(size), '\0');
    paddle::TensorDesc desc;
    if (!take(text.data(), text.size())) return short_file;
    if (!desc.ParseFromString(text) || desc.dims_size() > kMaxRank) return bad("has a damaged description");
    const auto dtype = dtype_of_paddle(desc.data_type());
    if (!dtype) return bad("has the element type " + std::to_string(desc.data_type()) + ", which is not supported");
    Tensor t{.name = variable.name, .dtype = *dtype, .constant = true};
    for (int64_t d : desc.dims()) {
      if (d < 0 || d > kMaxDim) return bad("has a size of " + std::to_string(d));
      t.shape.push_back(d);
    }
    if (variable.shape && *variable.shape != t.shape)
      return bad("has the shape " + t.shape.text() + ", the program says " + variable.shape->text() +
                 ": these parameters belong to another program, or are damaged");
    const int64_t count = t.shape.elements();
    if (count < 0 || static_cast<uint64_t>(count) > left_ / stored_bytes(desc.data_type())) return short_file;
    if (static_cast<uint64_t>(count) > beside.left / size_of(*dtype))
      return bad("with those before it is " + beside.over);
    beside.left -= static_cast<uint64_t>(count) * size_of(*dtype);
    std::string raw(static_cast<size_t>(count) * stored_bytes(desc.data_type()), '\0');
    if (!take(raw.data(), raw.size())) return short_file;
    decode(raw, desc.data_type(), t);
    return t;
  }

 private:
  template <class T>
  bool take(T& value) {
    return take(reinterpret_cast<char*>(&value), sizeof value);
  }
  bool take(char* to, size_t bytes) {
    if (bytes > left_ || !in_.read(to, static_cast<std::streamsize>(bytes))) return false;
    left_ -= bytes;
    return true;
  }
  bool skip(uint64_t bytes) {
    if (bytes > left_ || !in_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur)) return false;
    left_ -= bytes;
    return true;
  }

  std::string path_;
  std::ifstream in_;
  uint64_t left_ = 0;
};

Error left_over(const std::string& path, uint64_t bytes) {
  return {Code::kBadFile, path + ": holds " + std::to_string(bytes) +
                              " bytes more than the program's variables: these parameters belong to another program"};
}

}  // namespace

std::optional<DType> dtype_of_paddle(int32_t type) {
  switch (type) {
    case kBool:
      return DType::kBool;
    case kInt16:
    case kInt32:
    case kInt64:
      return DType::kS64;
    case kHalf:
    case kFloat:
    case kDouble:
    case kBfloat16:
      return DType::kF32;
    case kUint8:
      return DType::kU8;
    case kInt8:
      return DType::kS8;
    default:
      return std::nullopt;
  }
}

Result<std::unordered_map<std::string, Tensor>> read_paddle_parameters(const PaddleFiles& files,
                                                                       std::vector<PaddleVariable> variables,
                                                                       SourceFiles beside) {
  std::unordered_map<std::string, Tensor> all;
  if (variables.empty()) return all;
  std::sort(variables.begin(), variables.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Result<Reader> reader = Error{};
  if (!files.parameters.empty()) {
    reader = Reader::open(files.parameters);
    if (!reader) return reader.error();
  }
  for (const PaddleVariable& v : variables) {
    const bool separate = files.parameters.empty();
    std::string path = files.parameters;
    if (separate) {
      const auto file = file_below(beside.folder, v.name);
      if (!file)
        return Error{Code::kIo, files.program +
                                    ": the file of its parameters was not found: neither one of the "
                                    "program's name (NAME.pdiparams, __params__), nor '" +
                                    v.name + "' for the variable of that name"};
      path = file->string();
      reader = Reader::open(path);
      if (!reader) return reader.error();
    }
    auto t = reader->record(v, beside);
    if (!t) return t.error();
    if (separate && reader->left()) return left_over(path, reader->left());
    all.emplace(v.name, std::move(*t));
  }
  if (reader->left()) return left_over(files.parameters, reader->left());
  return all;
}

}  // namespace octet::convert
