// A model prepared for given input shapes: precision of each node, conversions between forms, views, memory, kernels.
#pragma once
#include <octet/octet.h>
#include <deque>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "runtime/core/arena.h"
#include "runtime/core/infer.h"
#include "runtime/core/op.h"
#include "runtime/core/poison.h"

namespace octet {

// A node whose work the step does that makes its operand, row by row.
struct Joined {
  const NodeDef* node = nullptr;
  int input = -1, output = -1;  // value ids; there is no memory for the input
};

struct PlanStep {
  const NodeDef* node = nullptr;  // null: a conversion
  bool quantize = false;          // of the conversions: f32 to u8, else back
  Precision precision = Precision::kF32;
  std::vector<int> inputs, outputs;  // value ids; -1: absent
  size_t optional = 0;               // bytes of the offer that was accepted
  std::vector<Joined> joined;        // in turn; the last one's output is the step's
  Step step;
};

// Where a value lives: in memory of its own, or inside another value's.
struct Place {
  // What views decide.
  int parent = -1;
  int64_t rows = 0, channels = 0;  // offset inside the parent
  bool other_rows = false;         // a reshape that changes the row's length: both are dense
  bool imported = false;           // lives where the plan that exports it put it
  // What follows.
  int owner = -1;     // of the memory: the value itself where it has no parent
  size_t offset = 0;  // bytes from the arena's start, or from the imported owner's
};

// What all plans of a session are made from.
struct PlanSource {
  const ModelData& model;
  const SessionOptions& options;
  const std::vector<bool>& int8;  // by node, from choose_int8
  Memory& memory;                 // that a plan may take
  const RunOptions& stop;         // of the run that wants the plan
  bool observed = false;          // every tensor must be there by itself: no views, nothing written in place
};

// Of the nodes whose shapes are known. Behind nodes whose output sizes the data decide comes another plan, made when the
// sizes are found.
class Plan {
 public:
  static Result<std::unique_ptr<Plan>> make(const PlanSource& source, std::span<const Shape> input_shapes);
  // The plan of what `before` left; see infer_rest. `before` must outlive it.
  static Result<std::unique_ptr<Plan>> make_rest(const PlanSource& source, const Plan& before,
                                                 std::span<const int64_t> found);
  size_t bytes() const;  // of memory, estimated, rests included; not its arena, nor what is shared (Constants)

  std::vector<Shape> input_shapes;  // of a model's first plan
  bool behind = false;              // another plan
  std::vector<int64_t> found;       // of those behind another
  std::deque<Value> values;
  std::vector<Place> places;  // by value id
  std::vector<PlanStep> steps;
  std::vector<int> inputs;           // value ids, of a model's first plan
  std::vector<int> exports;          // outputs of the model and what later plans read: dense, the file's type
  std::vector<StepProfile> profile;  // by step
  size_t scratch_offset = 0;
  size_t arena_bytes = 0;
  size_t own_bytes = 0;  // what bytes() says, without rests
  Poison poison;
  Inferred inferred;
  std::list<std::unique_ptr<Plan>> rests;  // for the sizes found lately, the most recent first

 private:
  Plan() = default;
  static Result<std::unique_ptr<Plan>> make(const PlanSource& source, std::unique_ptr<Plan> plan);
};

}  // namespace octet
