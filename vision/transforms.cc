// Each transform sets what it means for the one pass that preprocess() makes.
#include "vision/transforms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vision/yaml.h"

namespace octet::vision {
namespace {

Error bad(const std::string& name, const std::string& what) {
  return {Code::kBadFile, "transform " + name + ": " + what};
}

constexpr int kMostSide = 1 << 14;

// A number of pixels, which may be absent.
Result<int> pixels(const std::string& name, const YAML::Node& map, const char* key, int otherwise) {
  const int given = value_or(map, key, otherwise);
  if (given >= 0 && given <= kMostSide) return given;
  return bad(name, std::string(key) + ": expected 0 to " + std::to_string(kMostSide));
}

// One number for both, or two.
Result<std::pair<int, int>> two_sizes(const std::string& name, const YAML::Node& node) {
  std::pair<int, int> out{0, 0};
  if (node && node.IsSequence() && node.size() == 2) out = {node[0].as<int>(), node[1].as<int>()};
  if (node && node.IsScalar()) out.first = out.second = node.as<int>();
  if (out.first < 1 || out.second < 1 || out.first > kMostSide || out.second > kMostSide)
    return bad(name, "expected a size of 1 to " + std::to_string(kMostSide) + ", or two");
  return out;
}

Result<std::array<float, 3>> three(const std::string& name, const YAML::Node& map, const char* key, float otherwise) {
  const YAML::Node node = map[key];
  if (!node) return std::array<float, 3>{otherwise, otherwise, otherwise};
  if (!node.IsSequence() || node.size() != 3) return bad(name, std::string(key) + ": expected three numbers");
  return std::array<float, 3>{node[0].as<float>(), node[1].as<float>(), node[2].as<float>()};
}

class Reader {
 public:
  explicit Reader(Dialect dialect) : dialect_(dialect) {
    p_.height = p_.width = 0;
    p_.resize = Resize::kStretch;
    p_.pad = 127.5f;
    p_.scale = 1;
    p_.on_float = dialect == Dialect::kSegmentation;
  }

  Result<void> add(const std::string& name, const YAML::Node& args) {
    for (const auto& [known, read] : dialect_ == Dialect::kDetection ? kDetection() : kSegmentation())
      if (name == known) return (this->*read)(name, args);
    return bad(name, "not known; training has more transforms than evaluation needs: list only those for evaluation");
  }

  const Preprocess& result() const { return p_; }

 private:
  using Read = Result<void> (Reader::*)(const std::string&, const YAML::Node&);
  using Table = std::vector<std::pair<const char*, Read>>;
  static const Table& kDetection() {
    static const Table table{{"Decode", &Reader::nothing},           {"Permute", &Reader::nothing},
                             {"Resize", &Reader::resize_detection},  {"NormalizeImage", &Reader::normalize_detection},
                             {"Pad", &Reader::pad_detection},        {"PadStride", &Reader::pad_stride},
                             {"PadBatch", &Reader::pad_stride},      {"LetterBox", &Reader::letterbox},
                             {"LetterBoxResize", &Reader::letterbox}};
    return table;
  }
  static const Table& kSegmentation() {
    static const Table table{{"Normalize", &Reader::normalize},        {"Resize", &Reader::resize},
                             {"ResizeByLong", &Reader::by_long},       {"ResizeByShort", &Reader::by_short},
                             {"LimitLong", &Reader::limit_long},       {"Padding", &Reader::padding},
                             {"PaddingByAspectRatio", &Reader::aspect}};
    return table;
  }

  Result<void> once_resized(const std::string& name) {
    if (resized_) return bad(name, "there can be only one resizing");
    if (normalised_) return bad(name, "must come before normalising");
    resized_ = true;
    return {};
  }

  void keep_ratio(std::pair<int, int> sides) {
    p_.resize = Resize::kSides;
    p_.sides = {.short_side = std::min(sides.first, sides.second), .long_max = std::max(sides.first, sides.second)};
  }

  Result<void> nothing(const std::string&, const YAML::Node&) { return {}; }

  Result<void> interpolation(const std::string& name, const YAML::Node& args, int otherwise) {
    p_.interpolation = value_or(args, "interp", otherwise);
    if (p_.interpolation < 0 || p_.interpolation > 4) return bad(name, "interp: expected 0 to 4");
    return {};
  }

  // A number of `p_`, from the arguments.
  Result<void> set(int& number, const std::string& name, const YAML::Node& args, const char* key, int otherwise = 0) {
    const auto given = pixels(name, args, key, otherwise);
    if (!given) return given.error();
    number = *given;
    return {};
  }

  Result<void> resize_detection(const std::string& name, const YAML::Node& args) {
    if (auto once = once_resized(name); !once) return once;
    const auto size = two_sizes(name, args["target_size"]);
    if (!size) return size.error();
    if (auto known = interpolation(name, args, 1); !known) return known;
    if (value_or(args, "keep_ratio", true)) {
      keep_ratio(*size);
      p_.rounding = Rounding::kHalfUp;
      p_.pad_zero = true;
    } else {
      std::tie(p_.height, p_.width) = *size;
    }
    return {};
  }

  Result<void> letterbox(const std::string& name, const YAML::Node& args) {
    if (auto once = once_resized(name); !once) return once;
    const auto size = two_sizes(name, args["target_size"]);
    if (!size) return size.error();
    std::tie(p_.height, p_.width) = *size;
    p_.resize = Resize::kLetterbox;
    return interpolation(name, args, 3);
  }

  Result<void> normalize_detection(const std::string& name, const YAML::Node& args) {
    normalised_ = true;
    p_.scale = value_or(args, "is_scale", true) ? 1.0f / 255 : 1.0f;
    if (value_or<std::string>(args, "norm_type", "mean_std") == "none") return {};
    return mean_std(name, args, 0, 1);
  }

  Result<void> normalize(const std::string& name, const YAML::Node& args) {
    normalised_ = true;
    p_.scale = 1.0f / 255;
    return mean_std(name, args, .5f, .5f);
  }

  Result<void> mean_std(const std::string& name, const YAML::Node& args, float mean, float std) {
    const auto m = three(name, args, "mean", mean), s = three(name, args, "std", std);
    if (!m) return m.error();
    if (!s) return s.error();
    for (const float x : *s)
      if (!(std::abs(x) > 0)) return bad(name, "std: expected numbers other than 0");
    p_.mean = *m;
    p_.std = *s;
    return {};
  }

  Result<void> pad_detection(const std::string& name, const YAML::Node& args) {
    if (const int mode = value_or(args, "pad_mode", 0); mode != 0)
      return bad(name, "pad_mode " + std::to_string(mode) + ": only 0, right and bottom, is supported");
    const YAML::Node fill = args["fill_value"];
    const float value = !fill ? 127.5f : fill.IsSequence() && fill.size() ? fill[0].as<float>() : fill.as<float>();
    if (normalised_ && value != 0) return bad(name, "after normalising the fill value must be 0");
    p_.pad_zero = normalised_;
    p_.pad = value;
    if (args["size"] && !args["size"].IsNull()) {
      const auto size = two_sizes(name, args["size"]);
      if (!size) return size.error();
      std::tie(p_.height, p_.width) = *size;
      if (!resized_) p_.resize = Resize::kSides;
      return {};
    }
    return set(p_.stride, name, args, "size_divisor", 32);
  }

  Result<void> pad_stride(const std::string& name, const YAML::Node& args) {
    p_.pad_zero = p_.pad_zero || p_.resize == Resize::kStretch;
    const char* key = args["stride"] ? "stride" : "pad_to_stride";
    if (value_or(args, key, 0) >= 0) return set(p_.stride, name, args, key);
    p_.stride = 0;  // PaddleDetection writes -1 for none
    return {};
  }

  Result<void> resize(const std::string& name, const YAML::Node& args) {
    if (auto once = once_resized(name); !once) return once;
    constexpr std::pair<const char*, int> kNames[] = {
        {"NEAREST", 0}, {"LINEAR", 1}, {"CUBIC", 2}, {"AREA", 3}, {"LANCZOS4", 4}};
    const std::string interp = value_or<std::string>(args, "interp", "LINEAR");
    const auto* known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return interp == n.first; });
    if (known == std::end(kNames))
      return bad(name, "interp '" + interp + "': expected NEAREST, LINEAR, CUBIC, AREA or LANCZOS4");
    p_.interpolation = known->second;
    std::pair<int, int> size{512, 512};  // width, height
    if (args["target_size"]) {
      const auto given = two_sizes(name, args["target_size"]);
      if (!given) return given.error();
      size = *given;
    }
    if (auto divisor = set(p_.divisor, name, args, "size_divisor"); !divisor) return divisor;
    if (value_or(args, "keep_ratio", false))
      keep_ratio(size);
    else
      std::tie(p_.width, p_.height) = size;
    return {};
  }

  Result<void> sides(const std::string& name, const YAML::Node& args, const char* shorter, const char* most,
                     const char* least) {
    if (auto once = once_resized(name); !once) return once;
    p_.resize = Resize::kSides;
    Sides& s = p_.sides;
    for (auto [side, key] : {std::pair{&s.short_side, shorter}, {&s.long_max, most}, {&s.long_min, least}})
      if (key)
        if (auto known = set(*side, name, args, key); !known) return known;
    return {};
  }
  Result<void> by_long(const std::string& name, const YAML::Node& args) {
    if (!args["long_size"]) return bad(name, "long_size: expected a number");
    return sides(name, args, nullptr, "long_size", "long_size");
  }
  Result<void> by_short(const std::string& name, const YAML::Node& args) {
    if (!args["short_size"]) return bad(name, "short_size: expected a number");
    return sides(name, args, "short_size", "max_size", nullptr);
  }
  Result<void> limit_long(const std::string& name, const YAML::Node& args) {
    return sides(name, args, nullptr, "max_long", "min_long");
  }

  Result<void> padding(const std::string& name, const YAML::Node& args) {
    if (normalised_) return bad(name, "must come before normalising");
    const auto size = two_sizes(name, args["target_size"]);
    if (!size) return size.error();
    if (p_.width || p_.height) return bad(name, "cannot follow resizing to a fixed size");
    std::tie(p_.width, p_.height) = *size;
    p_.resize = Resize::kSides;
    const auto value = three(name, args, "im_padding_value", 127.5f);
    if (!value) return value.error();
    p_.pad = (*value)[0];
    return {};
  }

  Result<void> aspect(const std::string& name, const YAML::Node& args) {
    if (resized_ || normalised_) return bad(name, "must come first");
    p_.aspect_ratio = value_or(args, "aspect_ratio", 1.0f);
    if (!(p_.aspect_ratio > 0.01f && p_.aspect_ratio < 100)) return bad(name, "aspect_ratio: expected width / height");
    return {};
  }

  Dialect dialect_;
  Preprocess p_;
  bool resized_ = false, normalised_ = false;
};

}  // namespace

Result<Preprocess> preprocess_of(const YAML::Node& list, Dialect dialect) {
  if (!list || !list.IsSequence()) return Error{Code::kBadFile, "transforms: expected a list"};
  Reader reader(dialect);
  for (const YAML::Node& entry : list) {
    if (!entry.IsMap() || entry.size() == 0) return Error{Code::kBadFile, "transforms: expected {Name: {arguments}}"};
    const bool typed = entry["type"].IsDefined();
    const std::string name = typed ? entry["type"].as<std::string>() : entry.begin()->first.as<std::string>();
    const YAML::Node args = typed ? entry : entry.begin()->second;
    if (auto added = reader.add(name, args.IsMap() ? args : YAML::Node(YAML::NodeType::Map)); !added)
      return added.error();
  }
  return reader.result();
}

}  // namespace octet::vision
