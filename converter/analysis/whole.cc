#include "converter/analysis/whole.h"

#include <algorithm>
#include <cstring>


namespace octet::analysis {

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
    const Recorded &a = wanted_outputs[at(points_.choices[c])], &b = got_outputs[at(points_.choices[c])];
    const size_t size = size_of(a.dtype), most = std::max(a.data.size(), b.data.size()) / size;
    count_[c] += most;
    for (size_t e = 0; e < std::min(a.data.size(), b.data.size()) / size; ++e)
      equal_[c] += std::memcmp(&a.data[e * size], &b.data[e * size], size) == 0;
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
    all.push_back({std::string(f.tensors[at(f.outputs[at(points_.choices[c])])].name),
                   count_[c] ? static_cast<double>(equal_[c]) / static_cast<double>(count_[c]) : 1});
  return all;
}

}  // namespace octet::analysis
