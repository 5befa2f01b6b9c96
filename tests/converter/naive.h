// Arrays and loops in double: what the programs of the tests are compared with.
#pragma once
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

namespace octet::naive {

using Dims = std::vector<int64_t>;

struct Array {
  Dims dims;
  std::vector<double> data;

  Array() = default;
  explicit Array(Dims d) : dims(std::move(d)), data(static_cast<size_t>(count(dims))) {}
  template <class T>
  Array(Dims d, const std::vector<T>& values) : dims(std::move(d)), data(values.begin(), values.end()) {}
  static int64_t count(const Dims& d) { return std::accumulate(d.begin(), d.end(), int64_t{1}, std::multiplies<>()); }
  int64_t size() const { return static_cast<int64_t>(data.size()); }
  size_t place(const Dims& at) const {
    int64_t i = 0;
    for (size_t d = 0; d < dims.size(); ++d) i = i * dims[d] + at[d];
    return static_cast<size_t>(i);
  }
  double& operator[](const Dims& at) { return data[place(at)]; }
  double operator[](const Dims& at) const { return data[place(at)]; }
  Dims index(int64_t i) const {
    Dims at(dims.size());
    for (size_t d = dims.size(); d-- > 0; i /= dims[d]) at[d] = i % dims[d];
    return at;
  }
};

// Each element from its place.
template <class F>
Array made(const Dims& dims, const F& element) {
  Array y(dims);
  for (int64_t i = 0; i < y.size(); ++i) y.data[static_cast<size_t>(i)] = element(y.index(i));
  return y;
}

inline Array map(Array x, const std::function<double(double)>& f) {
  for (double& v : x.data) v = f(v);
  return x;
}

inline Array reshaped(Array x, const Dims& dims) {
  x.dims = dims;
  return x;
}

inline Array transposed(const Array& x, const Dims& perm) {
  Dims dims;
  for (int64_t p : perm) dims.push_back(x.dims[static_cast<size_t>(p)]);
  return made(dims, [&](const Dims& at) {
    Dims from(at.size());
    for (size_t d = 0; d < at.size(); ++d) from[static_cast<size_t>(perm[d])] = at[d];
    return x[from];
  });
}

// The smaller ones' dims stand at the end; sizes of 1 repeat.
inline Array both(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  Dims dims(std::max(a.dims.size(), b.dims.size()), 1);
  for (const Array* x : {&a, &b})
    for (size_t d = 0; d < x->dims.size(); ++d)
      dims[dims.size() - 1 - d] = std::max(dims[dims.size() - 1 - d], x->dims[x->dims.size() - 1 - d]);
  const auto element = [](const Array& x, const Dims& at) {
    Dims own(at.end() - static_cast<std::ptrdiff_t>(x.dims.size()), at.end());
    for (size_t d = 0; d < own.size(); ++d)
      if (x.dims[d] == 1) own[d] = 0;
    return x[own];
  };
  return made(dims, [&](const Dims& at) { return f(element(a, at), element(b, at)); });
}
inline Array operator+(const Array& a, const Array& b) { return both(a, b, std::plus<>()); }
inline Array operator*(const Array& a, const Array& b) { return both(a, b, std::multiplies<>()); }
inline Array operator*(const Array& a, double f) {
  return map(a, [f](double v) { return v * f; });
}

// Of the last two dims; b has a's leading dims, or none.
inline Array product(const Array& a, const Array& b) {
  Dims dims = a.dims;
  dims.back() = b.dims.back();
  const size_t lead = b.dims.size() - 2;
  return made(dims, [&](const Dims& at) {
    Dims left = at, right(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(lead));
    right.insert(right.end(), {0, at.back()});
    double sum = 0;
    for (int64_t k = 0; k < a.dims.back(); ++k) {
      left.back() = right[lead] = k;
      sum += a[left] * b[right];
    }
    return sum;
  });
}

// Rows of the last dim.
template <class F>
Array rows(Array x, const F& change) {
  const int64_t n = x.dims.back();
  for (int64_t r = 0; r < x.size(); r += n) change(&x.data[static_cast<size_t>(r)], n);
  return x;
}

inline Array softmax(const Array& x) {
  return rows(x, [](double* v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += v[i] = std::exp(v[i]);
    for (int64_t i = 0; i < n; ++i) v[i] /= sum;
  });
}

inline Array layer_norm(const Array& x, const Array& scale, const Array& bias, double epsilon) {
  return rows(x,
              [&](double* v, int64_t n) {
                double mean = 0, squares = 0;
                for (int64_t i = 0; i < n; ++i) mean += v[i] / static_cast<double>(n);
                for (int64_t i = 0; i < n; ++i) squares += (v[i] - mean) * (v[i] - mean) / static_cast<double>(n);
                for (int64_t i = 0; i < n; ++i) v[i] = (v[i] - mean) / std::sqrt(squares + epsilon);
              }) *
             scale +
         bias;
}

// The mean over one dim, which goes.
inline Array mean(const Array& x, size_t axis) {
  Dims dims = x.dims;
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  return made(dims, [&](Dims at) {
    at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), 0);
    double sum = 0;
    for (; at[axis] < x.dims[axis]; ++at[axis]) sum += x[at];
    return sum / static_cast<double>(x.dims[axis]);
  });
}

inline Array joined(const std::vector<Array>& parts, size_t axis) {
  Dims dims = parts[0].dims;
  for (size_t i = 1; i < parts.size(); ++i) dims[axis] += parts[i].dims[axis];
  return made(dims, [&](Dims at) {
    size_t part = 0;
    while (at[axis] >= parts[part].dims[axis]) at[axis] -= parts[part++].dims[axis];
    return parts[part][at];
  });
}

// NCHW, weights [O][I/g][kh][kw].
inline Array conv(const Array& x, const Array& w, int64_t pad, int64_t stride = 1, int64_t groups = 1) {
  const int64_t out_h = (x.dims[2] + 2 * pad - w.dims[2]) / stride + 1;
  const int64_t out_w = (x.dims[3] + 2 * pad - w.dims[3]) / stride + 1;
  return made({x.dims[0], w.dims[0], out_h, out_w}, [&](const Dims& at) {
    double sum = 0;
    for (int64_t c = 0; c < w.dims[1]; ++c)
      for (int64_t ky = 0; ky < w.dims[2]; ++ky)
        for (int64_t kx = 0; kx < w.dims[3]; ++kx) {
          const int64_t row = at[2] * stride - pad + ky, column = at[3] * stride - pad + kx;
          if (row < 0 || column < 0 || row >= x.dims[2] || column >= x.dims[3]) continue;
          sum += x[{at[0], at[1] / (w.dims[0] / groups) * w.dims[1] + c, row, column}] * w[{at[1], c, ky, kx}];
        }
    return sum;
  });
}

// Between the pixels of a plane; outside it are zeros, or with `edge` the nearest pixels.
inline double between(const Array& x, int64_t n, int64_t c, double row, double column, bool edge = false) {
  const double top = std::floor(row), left = std::floor(column), dy = row - top, dx = column - left;
  const auto pixel = [&](double r, double l) {
    const double h = static_cast<double>(x.dims[2] - 1), w = static_cast<double>(x.dims[3] - 1);
    if (edge) r = std::min(std::max(r, 0.0), h), l = std::min(std::max(l, 0.0), w);
    return r < 0 || l < 0 || r > h || l > w ? 0 : x[{n, c, static_cast<int64_t>(r), static_cast<int64_t>(l)}];
  };
  return (1 - dy) * ((1 - dx) * pixel(top, left) + dx * pixel(top, left + 1)) +
         dy * ((1 - dx) * pixel(top + 1, left) + dx * pixel(top + 1, left + 1));
}

// Bilinear, pixels having their centres at halves.
inline Array resized(const Array& x, int64_t h, int64_t w) {
  return made({x.dims[0], x.dims[1], h, w}, [&](const Dims& at) {
    const auto place = [](int64_t i, int64_t in, int64_t out) {
      return (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    };
    return between(x, at[0], at[1], place(at[2], x.dims[2], h), place(at[3], x.dims[3], w), true);
  });
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double relu(double x) { return x > 0 ? x : 0; }
inline double gelu(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }
inline double hard_swish(double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; }

}  // namespace octet::naive
