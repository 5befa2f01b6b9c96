// The command line options of preprocessing, the same for every program.
#pragma once
#include <CLI/CLI.hpp>

#include "cli/numbers.h"
#include "vision/arch.h"
#include "vision/preprocess.h"

namespace octet::vision {

// For ->check(): the name of a family.
inline CLI::Validator arch_name() {
  return CLI::Validator(
      [](const std::string& word) {
        const auto arch = arch_of(word);
        return arch ? std::string() : arch.error().text;
      },
      "");
}

inline void add_preprocess_options(CLI::App& app, PreprocessFlags& flags) {
  app.add_option("--resize", flags.resize,
                 "letterbox, letterbox-topleft, stretch or crop; default: as the preset or YAML says");
  app.add_option("--interpolation", flags.interpolation, "nearest, linear, cubic, area or lanczos");
  app.add_option("--channel_order", flags.channel_order, "rgb or bgr");
  app.add_option("--scale", flags.scale, "What pixels are divided by");
  app.add_option("--mean", flags.mean, "a,b,c: subtracted after the scale");
  app.add_option("--std", flags.std, "a,b,c: divided by after the mean");
  app.add_option("--pad", flags.pad, "Colour of the border")->transform(between(0.0, 255.0));
  app.add_option("--target_size", flags.target_size, "Resize to this width and height")
      ->delimiter(',')
      ->expected(2)
      ->transform(between(1, 1 << 14));
}

}  // namespace octet::vision
