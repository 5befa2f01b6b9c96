// Reading is defensive: the header is text that anyone can write, so each part is looked for and checked by itself.
#include "cli/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <type_traits>

#include "files/files.h"

namespace octet::npy {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr int64_t kMaxElements = int64_t{1} << 40;

static_assert(std::endian::native == std::endian::little);

struct Header {
  std::string descr;
  bool fortran = false;
  Shape shape;
  size_t bytes = 0;  // of everything before the data
};

Error bad(const std::string& name, const std::string& what) { return {Code::kBadFile, name + ": " + what}; }

// The text after "'key':" in the header's Python dictionary, blanks skipped.
std::optional<std::string_view> value_of(std::string_view dict, std::string_view key) {
  for (char quote : {'\'', '"'}) {
    const std::string quoted = quote + std::string(key) + quote;
    size_t at = dict.find(quoted);
    if (at == dict.npos) continue;
    at = dict.find_first_not_of(" \t", at + quoted.size());
    if (at == dict.npos || dict[at] != ':') return std::nullopt;
    at = dict.find_first_not_of(" \t", at + 1);
    if (at == dict.npos) return std::nullopt;
    return dict.substr(at);
  }
  return std::nullopt;
}

// "(1, 3, 640, 640), ...": false where it is no tuple of sizes.
bool parse_shape(std::string_view text, Shape* shape) {
  if (text.empty() || text[0] != '(') return false;
  const size_t end = text.find(')');
  if (end == text.npos) return false;
  text = text.substr(1, end - 1);
  int64_t elements = 1;
  while (true) {
    const size_t digit = text.find_first_not_of(" \t");
    if (digit == text.npos) return true;
    text.remove_prefix(digit);
    int64_t dim = 0;
    const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), dim);
    if (failed != std::errc{} || dim < 0 || shape->rank() == kMaxRank) return false;
    if (__builtin_mul_overflow(elements, dim, &elements) || elements > kMaxElements) return false;
    shape->push_back(dim);
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    const size_t comma = text.find_first_not_of(" \tL");  // old Python 2 files say "3L"
    if (comma == text.npos) return true;
    if (text[comma] != ',') return false;
    text.remove_prefix(comma + 1);
  }
}

Result<Header> parse_header(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.size() < 10 || text.substr(0, kMagic.size()) != kMagic) return bad(name, "is not a NumPy .npy file");
  const int major = text[6];
  if (major < 1 || major > 3) return bad(name, "has version " + std::to_string(major) + " of the format, not 1 to 3");
  const size_t length_bytes = major == 1 ? 2 : 4;
  size_t length = 0;
  if (text.size() < 8 + length_bytes) return bad(name, "ends inside its header");
  std::memcpy(&length, text.data() + 8, length_bytes);
  Header h;
  h.bytes = 8 + length_bytes + length;
  if (h.bytes > text.size()) return bad(name, "ends inside its header");
  const std::string_view dict = text.substr(8 + length_bytes, length);

  const auto descr = value_of(dict, "descr"), fortran = value_of(dict, "fortran_order"),
             shape = value_of(dict, "shape");
  if (!descr || !fortran || !shape) return bad(name, "has no descr, fortran_order and shape in its header");
  const char quote = descr->front();
  const size_t end = quote == '\'' || quote == '"' ? descr->find(quote, 1) : descr->npos;
  if (end == descr->npos) return bad(name, "holds records, not numbers of one type");
  h.descr = descr->substr(1, end - 1);
  h.fortran = fortran->starts_with("True");
  if (!h.fortran && !fortran->starts_with("False"))
    return bad(name, "has a fortran_order that is neither True nor False");
  if (!parse_shape(*shape, &h.shape))
    return bad(name, "has no valid shape of at most " + std::to_string(kMaxRank) + " sizes in its header");
  return h;
}

struct TypeName {
  std::string_view descr;
  DType dtype;
  size_t bytes;  // in the file
};
constexpr TypeName kTypes[] = {
    {"<f4", DType::kF32, 4}, {"<f8", DType::kF32, 8}, {"<f2", DType::kF32, 2},  {"|u1", DType::kU8, 1},
    {"|i1", DType::kS8, 1},  {"<i4", DType::kS32, 4}, {"<i2", DType::kS32, 2},  {"<u2", DType::kS32, 2},
    {"<i8", DType::kS64, 8}, {"<u4", DType::kS64, 4}, {"|b1", DType::kBool, 1},
};

struct Half {
  uint16_t bits;
  operator float() const {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                            : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                            : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
  }
};

template <class From, class To>
bool convert_all(const std::vector<std::byte>& from, std::vector<std::byte>& to) {
  const size_t count = from.size() / sizeof(From);
  to.resize(count * sizeof(To));
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from.data() + i * sizeof(From), sizeof(From));
    if constexpr (std::is_integral_v<From> && std::is_integral_v<To>)
      if (!std::in_range<To>(value)) return false;
    const To result = static_cast<To>(value);
    std::memcpy(to.data() + i * sizeof(To), &result, sizeof(To));
  }
  return true;
}

template <class From>
bool convert_from(const std::vector<std::byte>& from, DType to, std::vector<std::byte>& out) {
  if (to == DType::kF32) return convert_all<From, float>(from, out);
  if (to == DType::kS32) return convert_all<From, int32_t>(from, out);
  return to == DType::kS64 && convert_all<From, int64_t>(from, out);
}

constexpr size_t kMostElement = 8;  // bytes

}  // namespace

Result<Array> parse(std::span<const std::byte> file, const std::string& name) {
  auto header = parse_header(file, name);
  if (!header) return header.error();
  if (header->fortran)
    return bad(name, "is in Fortran (column-major) order; save numpy.ascontiguousarray(array) instead");
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.descr == header->descr; });
  if (type == std::end(kTypes))
    return bad(name, "holds numbers of type '" + header->descr +
                         "'; readable are <f2 <f4 <f8 |u1 <u2 <u4 |i1 <i2 <i4 <i8 |b1");
  const auto elements = static_cast<size_t>(header->shape.elements());
  const auto data = file.subspan(header->bytes);
  if (data.size() != elements * type->bytes)
    return bad(name, "has " + std::to_string(data.size()) + " bytes of data where " + header->shape.text() +
                         " of type " + header->descr + " takes " + std::to_string(elements * type->bytes));
  Array array{type->dtype, header->shape, {data.begin(), data.end()}};
  if (type->bytes == size_of(type->dtype)) return array;
  Array ours{type->dtype, header->shape, {}};
  if (header->descr == "<f8") convert_all<double, float>(array.data, ours.data);
  if (header->descr == "<f2") convert_all<Half, float>(array.data, ours.data);
  if (header->descr == "<i2") convert_all<int16_t, int32_t>(array.data, ours.data);
  if (header->descr == "<u2") convert_all<uint16_t, int32_t>(array.data, ours.data);
  if (header->descr == "<u4") convert_all<uint32_t, int64_t>(array.data, ours.data);
  return ours;
}

Result<Array> read(const std::string& path) {
  const auto bytes = read_file(path, [&](std::span<const std::byte> start) -> Result<size_t> {
    const auto header = parse_header(start, path);
    if (!header) return header.error();
    const size_t end = header->bytes + static_cast<size_t>(header->shape.elements()) * kMostElement;
    return end + 1;  // more than there should be is told by one byte
  });
  if (!bytes) return bytes.error();
  return parse(*bytes, path);
}

Result<Array> convert(Array array, DType to, const std::string& name) {
  if (array.dtype == to) return array;
  const std::string types = std::string(name_of(array.dtype)) + " where the model takes " + name_of(to);
  Array out{to, array.shape, {}};
  bool known = true;
  switch (array.dtype) {
    case DType::kU8:
      known = convert_from<uint8_t>(array.data, to, out.data);
      break;
    case DType::kS8:
      known = convert_from<int8_t>(array.data, to, out.data);
      break;
    case DType::kS32:
      known = convert_from<int32_t>(array.data, to, out.data);
      break;
    case DType::kS64:
      known = convert_from<int64_t>(array.data, to, out.data);
      break;
    default:
      known = false;
  }
  if (!known) return bad(name, "holds " + types + ", and its values cannot be kept in that type");
  return out;
}

std::vector<std::byte> format(DType dtype, const Shape& shape, std::span<const std::byte> data) {
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.dtype == dtype; });
  std::string dict = "{'descr': '" + std::string(type->descr) + "', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < shape.rank(); ++i) dict += (i ? ", " : "") + std::to_string(shape[i]);
  dict += shape.rank() == 1 ? ",), }" : "), }";
  // The data starts at a multiple of 64; the header ends in a line break.
  const size_t start = (kMagic.size() + 4 + dict.size() + 1 + 63) / 64 * 64;
  dict.append(start - (kMagic.size() + 4 + dict.size() + 1), ' ');
  dict += '\n';
  std::string head(kMagic);
  head += {'\x01', '\x00', static_cast<char>(dict.size() & 255), static_cast<char>(dict.size() >> 8)};
  head += dict;
  std::vector<std::byte> file(head.size() + data.size());
  std::memcpy(file.data(), head.data(), head.size());
  if (!data.empty()) std::memcpy(file.data() + head.size(), data.data(), data.size());
  return file;
}

std::string file_stem(std::string_view tensor_name) {
  constexpr size_t kLongest = 200;  // file systems take 255 bytes; the ending and a number must fit
  std::string stem(tensor_name.substr(0, kLongest));
  for (char& c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') c = '_';
  if (stem.empty()) return "output";
  if (stem[0] == '.' || stem[0] == '-') stem[0] = '_';  // neither hidden nor read as an option
  return stem;
}

std::vector<std::string> file_stems(std::span<const std::string_view> names) {
  std::set<std::string> taken;
  std::vector<std::string> stems(names.size());
  for (const bool kept : {true, false})
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string stem = file_stem(names[i]);
      if ((stem == names[i]) != kept) continue;
      stems[i] = stem;
      for (int n = 2; !taken.insert(stems[i]).second; ++n) stems[i] = stem + "_" + std::to_string(n);
    }
  return stems;
}

}  // namespace octet::npy
