// Samples and source models for tests of the whole quantiser.
#pragma once
#include <gtest/gtest.h>

#include "converter/load.h"
#include "quant_graph.h"

namespace octet::convert {

inline SourceModel source_from(Graph g) {
  auto source = source_of(std::move(g));
  if (source) return std::move(*source);
  ADD_FAILURE() << source.error().text;
  return {};
}

// Uniform in [-1, 2); `shape`: of input 0, where that is dynamic.
inline Samples random_samples(size_t count, const Shape& shape = {}) {
  return {count, [shape](Session& session, size_t i) -> Result<void> {
            if (shape.rank() > 0)
              if (auto resized = session.resize_input(0, shape); !resized) return resized;
            if (auto ready = session.prepare(); !ready) return ready;
            std::mt19937 random(static_cast<uint32_t>(i));
            std::uniform_real_distribution<float> values(-1, 2);
            for (float& v : session.input(0).f32()) v = values(random);
            return {};
          }};
}

}  // namespace octet::convert
