// Octet's C++ interface: map a model file, prepare a session for its input shapes, run it.
//
// Errors come as Result<T>: a code for programs, a text for people that names file, node and tensor. What returns a Result
// does not throw, want of memory included; nothing here logs or exits. A Model is immutable and may be shared by any number of
// sessions and threads; a Session is one caller's state and must be used by one thread at a time. The calling thread's floating
// point environment (rounding, flush to zero) decides nothing here, and is left as it was.
#pragma once
#if __cplusplus < 201709L
#error "octet/octet.h needs C++20: -std=c++20"
#endif
#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#pragma GCC visibility push(default)

namespace octet {

enum class Code {
  kBadArgument,
  kBadFile,
  kBadModel,
  kUnsupported,
  kIo,
  kMemory,     // more than memory_limit, or than the system gives
  kBusy,       // another thread is in this session
  kCancelled,  // see RunOptions
  kDeadline,
};

struct Error {
  Code code;
  std::string text;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}
  Result(Error error) : v_(std::move(error)) {}
  explicit operator bool() const { return v_.index() == 0; }
  T& operator*() { return std::get<0>(v_); }
  const T& operator*() const { return std::get<0>(v_); }
  T* operator->() { return &std::get<0>(v_); }
  const T* operator->() const { return &std::get<0>(v_); }
  const Error& error() const { return std::get<1>(v_); }

 private:
  std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : v_(std::move(error)) {}
  explicit operator bool() const { return v_.index() == 0; }
  const Error& error() const { return std::get<1>(v_); }

 private:
  std::variant<std::monostate, Error> v_;
};

enum class DType : uint8_t { kF32, kU8, kS8, kS32, kS64, kBool };
size_t size_of(DType dtype);  // bytes of one element
const char* name_of(DType dtype);

inline constexpr int kMaxRank = 8;

// Sizes of a tensor, outermost first. In a model's description -1 stands for a size that the caller chooses. Of more than
// kMaxRank sizes the first kMaxRank are kept, and the last of these becomes -1: no check takes the result for a known shape.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);
  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[at(i)]; }  // of -rank() ... rank() - 1: negative counts from the end
  int64_t& operator[](int i) { return dims_[at(i)]; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  void push_back(int64_t dim) {
    if (rank_ < kMaxRank)
      dims_[static_cast<size_t>(rank_++)] = dim;
    else
      dims_.back() = -1;
  }
  int64_t elements() const;  // product; 1 for rank 0; -1 where a size is -1 or the product overflows
  bool operator==(const Shape& other) const;
  std::string text() const;  // "{1, 3, 640, 640}"

 private:
  size_t at(int i) const {
    assert(i >= -rank_ && i < rank_);
    return static_cast<size_t>(i < 0 ? i + rank_ : i);
  }
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// A tensor's memory as the caller sees it: dense, row-major, owned by the session. f32() and its kind are empty where the
// elements are of another type: check dtype, as a model decides its own.
struct Tensor {
  std::string_view name;
  DType dtype = DType::kF32;
  Shape shape;
  void* data = nullptr;
  std::span<float> f32() const { return as<float>(dtype == DType::kF32); }
  std::span<int32_t> s32() const { return as<int32_t>(dtype == DType::kS32); }
  std::span<int64_t> s64() const { return as<int64_t>(dtype == DType::kS64); }
  std::span<uint8_t> u8() const { return as<uint8_t>(dtype == DType::kU8); }
  std::span<int8_t> s8() const { return as<int8_t>(dtype == DType::kS8); }
  std::span<uint8_t> boolean() const { return as<uint8_t>(dtype == DType::kBool); }  // of 0 and 1
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(data), data ? count() * size_of(dtype) : 0}; }

 private:
  size_t count() const { return static_cast<size_t>(shape.elements() < 0 ? 0 : shape.elements()); }
  template <class T>
  std::span<T> as(bool fits) const {
    return {static_cast<T*>(data), fits && data ? count() : 0};
  }
};

struct TensorInfo {
  std::string_view name;
  DType dtype;
  Shape shape;  // -1: dynamic
};

enum class Precision { kF32, kInt8 };

struct ModelData;  // the mapped file

// A model that was moved from has no inputs, no outputs and no name, and no session is made of it.
class Model {
 public:
  // Maps the file, which must be a regular one within the limits of schema/FORMAT.md, and verifies everything in it before
  // anything is used. Weights are used where they are mapped, and so shared by processes; the graph is copied. A file must not be
  // written to while it is mapped: write another beside it and rename that, as the converter does. Whoever writes in place
  // changes the results of runs, though nothing is read out of bounds; whoever cuts the file short gets SIGBUS where weights were.
  static Result<Model> map(const std::string& path);
  // The same for a file's bytes in memory, which are copied. `name` stands for the path in messages.
  static Result<Model> from_bytes(std::span<const std::byte> bytes, std::string name);

  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  bool quantized() const;  // can run in int8
  const std::string& name() const;
  std::string_view metadata(std::string_view key) const;  // empty when absent
  const ModelData& data() const { return *data_; }        // for Octet's own tools

 private:
  std::shared_ptr<const ModelData> data_;
  friend class Session;
  friend struct ModelInside;  // runtime/core/model.h
};

// What one step did, the sum over runs since the session was made or reset_profile(). Shapes have rows of their own.
struct StepProfile {
  std::string node, op;
  std::string kernel;  // "conv int8_gemm avx512vnni": a layer's algorithm, and whose instructions it uses
  std::string unit;    // what multiplies: "int8", "int16", "float", "tiles"; empty: nothing that counts
  Precision precision = Precision::kF32;
  Shape input, output;   // first of each
  int64_t macs = 0;      // one run, by the layer's definition
  int64_t products = 0;  // that the algorithm computes for them: fewer by Winograd's
  int64_t runs = 0;
  int64_t total_ns = 0;
};

struct SessionOptions {
  int threads = 1;  // of a run, the caller's among them
  // int8 needs a quantised model; a quantised model also runs in f32, its weights dequantised.
  Precision precision = Precision::kInt8;
  // Only these ops run in int8 (Octet's, ONNX' or Paddle's names); empty: those that the model was quantised with.
  std::vector<std::string> int8_ops = {};
  std::vector<std::string> int8_exclude = {};  // op or node names that stay float
  int plans_kept = 4;     // prepared input shapes that are remembered, the present one among them; at least 1
  size_t kept_bytes = 0;  // memory for shapes that are not in use, plans (estimated) and activations each; 0: no limit
  // What Session::memory_bytes() may come to, and with it every size that a file or data decide. Plans of shapes that are not in
  // use go first; then prepare() or run() gives Code::kMemory before it allocates. 0: half of the memory of the machine, or of
  // this process's control group where that has less. Weights in faster orders take three times the file's,
  // 16 to 48 MiB, but no more than a quarter of what is left.
  size_t memory_limit = 0;
  bool profile = false;    // time each step, for profile()
  bool use_onednn = true;  // float convolutions and matmuls by oneDNN, where it is built in
};

// Of one run. Both are looked at before each step (a layer, mostly) that is computed or, for new shapes, prepared: a run ends at
// most one of them later. The session is as before the run then: its inputs are there, its outputs are not.
struct RunOptions {
  const std::atomic<bool>* cancel = nullptr;  // true ends the run: Code::kCancelled. Any thread may set it
  // Code::kDeadline
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct SessionState;

// Of a session that was moved from, functions that return a Result fail and others give nothing. While a thread is in prepare(),
// run() or resize_input(), these fail in other threads (Code::kBusy). After fork() the child may use the sessions that it
// inherited, but for one that was running: they start threads of their own.
class Session {
 public:
  // Prepares the session where all input shapes are known; otherwise the first resize_input() calls do. Starts all threads;
  // that fails where the system does not give as many.
  static Result<Session> create(const Model& model, SessionOptions options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Sets the shape of an input. Plans are prepared at the next input() or run(), and kept for shapes seen lately.
  Result<void> resize_input(int index, const Shape& shape);
  // Prepares for the present shapes if that is not done yet; errors that depend on shapes come from here.
  Result<void> prepare();
  // The caller writes here before each run(); the content stays until overwritten. Valid until the next resize_input().
  // Of a session that is not prepared, by create(), prepare() or run(), and of an index out of range: no data, Tensor{}.
  Tensor input(int index);
  Result<void> run(const RunOptions& options = {});
  // Valid until the next run() or resize_input(). A shape that depends on the data is the last run's. Where that failed and before
  // the first: no data, only what is known of the output. Of a session that is not prepared, and of an index out of range: Tensor{}.
  Tensor output(int index) const;

  // What the caller should know though it is no error: op lists other than the model was quantised with.
  const std::vector<std::string>& warnings() const;
  // First the steps for the present shapes, in their order, then what ran for other shapes and sizes, prepared still or not.
  // With `profile` on, each new shape adds rows until reset_profile().
  std::vector<StepProfile> profile() const;
  void reset_profile();
  size_t arena_bytes() const;  // of activations and scratch memory
  // All that memory_limit counts: arena_bytes(), the tables of prepared plans (estimated), and what the model's sessions, this one
  // or others, made of its weights and share. Once prepared, a run needs no more, unless sizes depend on data. Not counted: the
  // mapped file, the stacks of threads, and what oneDNN keeps.
  size_t memory_bytes() const;

 private:
  friend struct SessionInside;  // runtime/core/inspect.h
  explicit Session(std::unique_ptr<SessionState> state);
  std::unique_ptr<SessionState> state_;
};

std::string_view version();
std::string_view cpu_kernels();  // the ISA that was chosen: "avx512vnni"

}  // namespace octet

#pragma GCC visibility pop
