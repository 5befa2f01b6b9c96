// Any bytes as a Paddle program and its parameters: the converter refuses them, or writes a file that loads.
#include <octet/convert.h>

#include "converter/import/paddle/ops/ops.h"
#include "paddle.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/paddle_seeds.h"

namespace octet::fuzz {
namespace {

constexpr int64_t kNumbers[] = {-2147483648, -2, -1, 0, 1, 2, 3, 4, 5, 8, 100, 65536, 2147483647, INT64_MAX, INT64_MIN};

int64_t number(std::minstd_rand& random) { return kNumbers[random() % std::size(kNumbers)]; }

template <class List>
auto* any_of(List* list, std::minstd_rand& random) {
  return list->empty() ? nullptr : list->Mutable(static_cast<int>(random() % static_cast<uint32_t>(list->size())));
}

void change_attribute(paddle::Attribute& a, std::minstd_rand& random) {
  switch (random() % 5) {
    case 0:
      a.set_i(static_cast<int32_t>(number(random)));
      break;
    case 1:
      a.set_f(static_cast<float>(number(random)) / 3);
      break;
    case 2:
      if (a.ints_size())
        a.set_ints(static_cast<int>(random() % static_cast<uint32_t>(a.ints_size())),
                   static_cast<int32_t>(number(random)));
      break;
    case 3:
      a.add_ints(static_cast<int32_t>(number(random)));
      break;
    default:
      a.set_b(random() % 2);
  }
}

std::string any_variable(const paddle::BlockDesc& block, std::minstd_rand& random) {
  return block.vars_size() ? block.vars(static_cast<int>(random() % static_cast<uint32_t>(block.vars_size()))).name()
                           : "";
}

void change_operand(paddle::BlockDesc& block, paddle::OpDesc& op, std::minstd_rand& random) {
  auto* in = random() % 3 ? any_of(op.mutable_inputs(), random) : any_of(op.mutable_outputs(), random);
  if (!in) return;
  switch (random() % 3) {
    case 0:
      in->add_arguments(any_variable(block, random));
      break;
    case 1:
      if (in->arguments_size()) in->set_arguments(0, any_variable(block, random));
      break;
    default: {
      const auto ops = convert::paddle_ops();
      const auto& needs = ops[random() % ops.size()].needs;
      if (const auto name = needs[random() % needs.size()]; !name.empty()) in->set_parameter(std::string(name));
    }
  }
}

// One change to what the program says, with protobuf's own framing kept whole.
void change(paddle::BlockDesc& block, std::minstd_rand& random) {
  auto& op = *any_of(block.mutable_ops(), random);
  switch (random() % 6) {
    case 0: {
      const auto ops = convert::paddle_ops();
      op.set_type(std::string(ops[random() % ops.size()].name));
      break;
    }
    case 1:
      change_operand(block, op, random);
      break;
    case 2:
      if (auto* a = any_of(op.mutable_attrs(), random)) change_attribute(*a, random);
      break;
    case 3: {
      const auto* other = any_of(block.mutable_ops(), random);
      if (other->attrs_size())
        *op.add_attrs() = other->attrs(static_cast<int>(random() % static_cast<uint32_t>(other->attrs_size())));
      break;
    }
    case 4: {
      auto* dims = any_of(block.mutable_vars(), random);
      if (!dims) break;
      auto* list = dims->mutable_type()->mutable_lod_tensor()->mutable_tensor()->mutable_dims();
      if (!list->empty())
        list->Set(static_cast<int>(random() % static_cast<uint32_t>(list->size())), number(random) % 100);
      break;
    }
    default:
      *block.add_ops() = op;
  }
}

size_t change_input(std::span<uint8_t> data, size_t size, std::minstd_rand& random) {
  PaddleInput input = PaddleInput::of(data.first(size));
  paddle::ProgramDesc program;
  if (!program.ParseFromString(input.program) || !program.blocks_size() || !program.blocks(0).ops_size()) return 0;
  change(*program.mutable_blocks(0), random);
  input.program = program.SerializeAsString();
  const std::string bytes = input.bytes();
  if (bytes.size() > data.size()) return 0;
  std::copy(bytes.begin(), bytes.end(), data.begin());
  return bytes.size();
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return octet::fuzz::mutate({data, max_size}, size, seed, octet::fuzz::change_input);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const fuzz::PaddleInput input = fuzz::PaddleInput::of({data, size});
  fuzz::file_of(fuzz::bytes_of(input.parameters), ".pdiparams");
  const auto bytes = convert_model(fuzz::file_of(fuzz::bytes_of(input.program), ".pdmodel"));
  if (!bytes) return 0;
  const auto model = Model::from_bytes(*bytes, "converted");
  if (!model) fuzz::fail("the converter wrote what the loader refuses: " + model.error().text);
  auto session =
      Session::create(*model, {.precision = Precision::kF32, .memory_limit = fuzz::kMemory, .use_onednn = false});
  if (session && fuzz::prepare(*session, *model, 1)) (void)session->run();
  return 0;
}
