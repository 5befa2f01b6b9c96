// The text is read twice: once to see how deep and how large its tree would be, and then to make the tree.
#include "converter/import/paddle/pir/json.h"

#include <cmath>

#include "converter/import/build/source_files.h"
#include "files/files.h"

namespace octet::convert {
namespace {

constexpr int kMaxDepth = 64;                  // programs known have 15
constexpr size_t kMaxText = size_t{64} << 20;  // and a megabyte
constexpr uint64_t kBytesOfValue = 128;        // what a value takes at most beside its own text: a member of an object

// Counts values; `wrong` says why it stopped.
struct Census : nlohmann::json_sax<Json> {
  uint64_t left = 0;
  int depth = 0;
  std::string wrong;

  bool value() { return left-- > 0 || stop("has more values than the memory_limit has room for"); }
  bool stop(std::string why) { return wrong = std::move(why), false; }
  bool enter() { return ++depth <= kMaxDepth ? value() : stop("is nested more than 64 levels deep"); }
  bool leave() { return --depth, true; }

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(int64_t) override { return value(); }
  bool number_unsigned(uint64_t) override { return value(); }
  bool number_float(double, const std::string&) override { return value(); }
  bool string(std::string&) override { return value(); }
  bool binary(Json::binary_t&) override { return value(); }
  bool start_object(size_t) override { return enter(); }
  bool key(std::string&) override { return value(); }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(size_t at, const std::string&, const Json::exception&) override {
    return stop("is not JSON, or is damaged, at byte " + std::to_string(at));
  }
};

}  // namespace

Result<Json> read_json(const std::string& path, const ConvertOptions& options) {
  if (auto fits = check_size(path, options); !fits) return fits.error();
  auto text = read_file(path);
  if (!text) return text.error();
  if (text->size() > kMaxText) return Error{Code::kUnsupported, path + ": is larger than 64 MiB"};
  Census census;
  census.left = constant_limit(options) / kBytesOfValue;
  if (!Json::sax_parse(*text, &census)) return Error{Code::kBadFile, path + ": " + census.wrong};
  return Json::parse(*text, nullptr, false);
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::optional<int64_t> integer_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<int64_t>();
  const double number = value.is_number_float() ? value.get<double>() : NAN;
  if (!(std::fabs(number) < 9.2e18) || number != std::trunc(number)) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<double> number_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

}  // namespace octet::convert
