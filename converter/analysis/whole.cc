#include "converter/analysis/whole.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace octet::analysis {
namespace {

std::vector<int64_t> elements(const Recorded& r) {
  const size_t size = size_of(r.dtype);
  std::vector<int64_t> all(r.data.size() / size, 0);
  for (size_t i = 0; i < all.size(); ++i) std::memcpy(&all[i], &r.data[i * size], size);
  return all;
}

size_t in_place(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  size_t equal = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) equal += a[i] == b[i];
  return equal;
}

// Those that both lists hold, wherever.
size_t shared(std::vector<int64_t> a, std::vector<int64_t> b) {
  std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
  std::vector<int64_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

}  // namespace

WholeSum::WholeSum(const Pair& pair, const Points& points, std::vector<int> tensors)
    : pair_(pair),
      points_(points),
      tensors_(std::move(tensors)),
      in_int8_(tensors_.size(), -1),
      sums_(tensors_.size()),
      equal_(points.choices.size()),
      count_(points.choices.size()) {
  std::vector<int> place(pair.float_model.data().tensors.size(), -1);
  for (size_t t = 0; t < pair.float_tensor.size(); ++t)
    if (pair.float_tensor[t] >= 0) place[at(pair.float_tensor[t])] = static_cast<int>(t);
  for (size_t i = 0; i < tensors_.size(); ++i) in_int8_[i] = place[at(tensors_[i])];
}

std::vector<bool> WholeSum::wanted() const {
  std::vector<bool> tensors(pair_.int8_model.data().tensors.size(), false);
  for (int t : in_int8_)
    if (t >= 0) tensors[at(t)] = true;
  return tensors;
}

void WholeSum::add(const Recording& wanted, const std::vector<Recorded>& wanted_outputs, const Recording& got,
                   const std::vector<Recorded>& got_outputs) {
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (in_int8_[i] >= 0) sums_[i].add(wanted[at(tensors_[i])].f32(), got[at(in_int8_[i])].f32());
  for (size_t c = 0; c < points_.choices.size(); ++c) {
    const Choice& choice = points_.choices[c];
    const auto a = elements(wanted_outputs[at(choice.output)]), b = elements(got_outputs[at(choice.output)]);
    count_[c] += std::max(a.size(), b.size());
    equal_[c] += choice.listed ? shared(a, b) : in_place(a, b);
  }
}

std::vector<Fidelity> WholeSum::result() const {
  std::vector<Fidelity> all;
  for (const ErrorSum& s : sums_) all.push_back(s.result());
  return all;
}

std::vector<Agreement> WholeSum::agreement() const {
  const ModelData& f = pair_.float_model.data();
  std::vector<Agreement> all;
  for (size_t c = 0; c < points_.choices.size(); ++c)
    all.push_back({std::string(f.tensors[at(f.outputs[at(points_.choices[c].output)])].name),
                   count_[c] ? static_cast<double>(equal_[c]) / static_cast<double>(count_[c]) : 1});
  return all;
}

}  // namespace octet::analysis
