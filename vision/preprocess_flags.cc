// Preprocessing settings as texts from command lines.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "vision/preprocess.h"

namespace octet::vision {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Error bad(std::string_view flag, std::string_view text, std::string_view expected) {
  return {Code::kBadArgument, std::string(flag) + " '" + std::string(text) + "': expected " + std::string(expected)};
}

template <class T, size_t N>
std::optional<T> look_up(const std::pair<std::string_view, T> (&table)[N], std::string_view text) {
  const std::string key = lower(text);
  for (const auto& [name, value] : table)
    if (name == key) return value;
  return std::nullopt;
}

constexpr std::pair<std::string_view, Resize> kResizes[] = {{"letterbox", Resize::kLetterbox},
                                                            {"letterbox-topleft", Resize::kLetterboxTopLeft},
                                                            {"stretch", Resize::kStretch},
                                                            {"crop", Resize::kCrop}};
constexpr std::pair<std::string_view, Channels> kChannels[] = {{"rgb", Channels::kRgb}, {"bgr", Channels::kBgr}};
constexpr std::pair<std::string_view, int> kInterpolations[] = {
    {"nearest", 0}, {"linear", 1}, {"cubic", 2}, {"area", 3}, {"lanczos", 4}};

std::optional<float> number(std::string_view text) {
  float value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<std::array<float, 3>> three_numbers(std::string_view flag, std::string_view text) {
  std::array<float, 3> out{};
  size_t count = 0;
  for (std::string_view rest = text; count < 4; ++count) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const auto value = number(rest.substr(0, comma));
    if (!value || count == 3) return bad(flag, text, "one number or three with commas between");
    out[count] = *value;
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  if (count == 0) return std::array<float, 3>{out[0], out[0], out[0]};
  if (count != 2) return bad(flag, text, "one number or three with commas between");
  return out;
}

}  // namespace

Preprocess segmentation_preset() {
  return {.height = 0, .width = 0, .resize = Resize::kStretch, .mean = {.5f, .5f, .5f}, .std = {.5f, .5f, .5f}};
}

Result<Preprocess> apply(const PreprocessFlags& flags, Preprocess p) {
  if (!flags.resize.empty()) {
    const auto value = look_up(kResizes, flags.resize);
    if (!value) return bad("--resize", flags.resize, "letterbox, letterbox-topleft, stretch or crop");
    p.resize = *value;
  }
  if (!flags.interpolation.empty()) {
    const auto value = look_up(kInterpolations, flags.interpolation);
    if (!value) return bad("--interpolation", flags.interpolation, "nearest, linear, cubic, area or lanczos");
    p.interpolation = *value;
  }
  if (!flags.channel_order.empty()) {
    const auto value = look_up(kChannels, flags.channel_order);
    if (!value) return bad("--channel_order", flags.channel_order, "rgb or bgr");
    p.channels = *value;
  }
  if (!flags.scale.empty()) {
    const auto value = number(flags.scale);
    if (!value || *value <= 0) return bad("--scale", flags.scale, "a number above 0 that pixels are divided by");
    p.scale = 1.0f / *value;
  }
  if (!flags.pad.empty()) {
    const auto value = number(flags.pad);
    if (!value || *value < 0 || *value > 255) return bad("--pad", flags.pad, "a number from 0 to 255");
    p.pad = *value;
  }
  if (!flags.mean.empty()) {
    auto value = three_numbers("--mean", flags.mean);
    if (!value) return value.error();
    p.mean = *value;
  }
  if (!flags.std.empty()) {
    auto value = three_numbers("--std", flags.std);
    if (!value) return value.error();
    if (std::any_of(value->begin(), value->end(), [](float s) { return s == 0; }))
      return bad("--std", flags.std, "numbers other than 0");
    p.std = *value;
  }
  if (flags.target_size.size() == 2) {
    if (p.resize != Resize::kLetterbox && p.resize != Resize::kLetterboxTopLeft) p.resize = Resize::kStretch;
    p.width = flags.target_size[0];
    p.height = flags.target_size[1];
  }
  return p;
}

}  // namespace octet::vision
