// Which offers of steps a plan accepts.
#include "runtime/core/offers.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

std::vector<size_t> accepted_bytes(const std::vector<std::vector<Offer>>& steps, size_t room) {
  std::vector<size_t> bytes;
  for (const Offer* o : accept(steps, room)) bytes.push_back(o ? o->bytes : 0);
  return bytes;
}

TEST(Offers, TheLargestSavingsForAByteFirst) {
  const std::vector<std::vector<Offer>> steps = {{{10, 10, 20}}, {{10, 10, 40}}, {}, {{10, 10, 30}}};
  EXPECT_EQ(accepted_bytes(steps, 9), (std::vector<size_t>{0, 0, 0, 0}));
  EXPECT_EQ(accepted_bytes(steps, 10), (std::vector<size_t>{0, 10, 0, 0}));
  EXPECT_EQ(accepted_bytes(steps, 25), (std::vector<size_t>{0, 10, 0, 10}));
  EXPECT_EQ(accepted_bytes(steps, 30), (std::vector<size_t>{10, 10, 0, 10}));
}

TEST(Offers, OfEqualsTheEarlierStep) {
  EXPECT_EQ(accepted_bytes({{{10, 10, 20}}, {{10, 10, 20}}}, 10), (std::vector<size_t>{10, 0}));
}

// 4 bytes save 8, 12 more save 12 more.
TEST(Offers, MoreForAStepThatHasSome) {
  const std::vector<std::vector<Offer>> steps = {{{16, 16, 20}, {4, 4, 8}}, {{4, 4, 6}}};
  EXPECT_EQ(accepted_bytes(steps, 4), (std::vector<size_t>{4, 0}));
  EXPECT_EQ(accepted_bytes(steps, 15), (std::vector<size_t>{4, 4}));
  EXPECT_EQ(accepted_bytes(steps, 20), (std::vector<size_t>{16, 4}));
}

// One that saves less for every byte than a larger one, and one that saves nothing more.
TEST(Offers, WhatAnotherIsBetterThanIsNotAccepted) {
  EXPECT_EQ(accepted_bytes({{{4, 4, 1}, {8, 8, 16}, {12, 12, 16}}}, 100), (std::vector<size_t>{8}));
}

}  // namespace
}  // namespace octet
