// The command line options of preprocessing, the same for every program.
#pragma once
#include <CLI/CLI.hpp>

#include "vision/preprocess.h"

namespace octet::vision {

inline void add_preprocess_options(CLI::App& app, PreprocessFlags& flags) {
  app.add_option("--resize", flags.resize,
                 "letterbox, letterbox-topleft or stretch; default: as the preset or YAML says");
  app.add_option("--interpolation", flags.interpolation, "nearest, linear, cubic, area or lanczos");
  app.add_option("--channel_order", flags.channel_order, "rgb or bgr");
  app.add_option("--scale", flags.scale, "What pixels are divided by");
  app.add_option("--mean", flags.mean, "a,b,c: subtracted after the scale");
  app.add_option("--std", flags.std, "a,b,c: divided by after the mean");
  app.add_option("--pad", flags.pad, "Colour of the border, 0..255");
  app.add_option("--target_size", flags.target_size, "Resize to this width and height")
      ->delimiter(',')
      ->expected(2)
      ->check(CLI::Range(1, 1 << 14));
}

}  // namespace octet::vision
