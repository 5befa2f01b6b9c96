// Loading hostile files: every mutation and truncation gives an error or a model that runs, never a crash (run under asan).
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <set>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

// Loads, and where that succeeds prepares and runs: what the loader lets through must be safe to execute.
bool survives(const std::vector<std::byte>& file) {
  auto model = Model::from_bytes(file, "mutated");
  if (!model) {
    EXPECT_FALSE(model.error().text.empty());
    return false;
  }
  for (Precision precision : {Precision::kF32, Precision::kInt8}) {
    auto session = Session::create(*model, {.precision = precision});
    if (session && session->prepare() && session->arena_bytes() < (4 << 20))
      (void)session->run();  // larger ones only take long
  }
  return true;
}

TEST(Loader, TheUntouchedModelRuns) { EXPECT_TRUE(survives(small_model().finish())); }

TEST(Loader, EveryTruncationIsAnError) {
  const auto file = small_model().finish();
  for (size_t bytes = 0; bytes < file.size(); ++bytes)
    EXPECT_FALSE(survives({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes)})) << bytes;
}

TEST(Loader, EveryChangedByteIsNoticed) {
  auto file = small_model().finish();
  schema::FileHeader h;
  std::memcpy(&h, file.data(), sizeof h);
  for (size_t i = 0; i < file.size(); ++i) {
    const bool gap = i >= h.graph_offset + h.graph_bytes && i < h.weights_offset;
    if (gap) continue;
    file[i] ^= std::byte{0x41};
    EXPECT_FALSE(survives(file)) << "byte " << i;
    file[i] ^= std::byte{0x41};
  }
}

TEST(Loader, NoChangedByteBehindTheChecksumsCrashes) {
  const auto good = small_model().finish();
  int loaded = 0;
  for (size_t i = sizeof(schema::FileHeader); i < good.size(); ++i)
    for (uint8_t flip : {0x01, 0x80, 0xff, 0x7f}) {
      auto file = good;
      file[i] ^= std::byte{flip};
      ModelBuilder::rehash(file);
      loaded += survives(file);
    }
  EXPECT_GT(loaded, 0);  // a changed weight is still a model
}

TEST(Loader, SegmentsThatReachBeyondTheFileAreNotRead) {
  const auto good = small_model().finish();
  for (auto field : {&schema::FileHeader::graph_offset, &schema::FileHeader::graph_bytes,
                     &schema::FileHeader::weights_offset, &schema::FileHeader::weights_bytes})
    for (const uint64_t value : {uint64_t{good.size()} / 64 * 64, uint64_t{1} << 62, ~uint64_t{63}}) {
      auto file = good;
      schema::FileHeader h;
      std::memcpy(&h, file.data(), sizeof h);
      h.*field = value;
      std::memcpy(file.data(), &h, sizeof h);
      const auto model = Model::from_bytes(file, "m");
      ASSERT_FALSE(model) << value;
      EXPECT_NE(model.error().text.find("truncated or damaged"), std::string::npos) << model.error().text;
    }
}

struct Bad {
  const char* why;
  void (*change)(ModelBuilder&);
};

TEST(Loader, RefusesWhatExecutionCouldNotDo) {
  auto conv = [](ModelBuilder& b) { return b.model.nodes[0]->op.AsConv2d(); };
  static auto c = conv;
  const Bad cases[] = {
      {"input after its use", [](ModelBuilder& b) { std::swap(b.model.nodes[0], b.model.nodes[1]); }},
      {"input index out of range", [](ModelBuilder& b) { b.model.nodes[0]->inputs[0] = 99; }},
      {"negative input", [](ModelBuilder& b) { b.model.nodes[0]->inputs[0] = -2; }},
      {"required input absent", [](ModelBuilder& b) { b.model.nodes[0]->inputs[0] = -1; }},
      {"no outputs", [](ModelBuilder& b) { b.model.nodes[0]->outputs.clear(); }},
      {"output made twice", [](ModelBuilder& b) { b.model.nodes[1]->outputs = b.model.nodes[0]->outputs; }},
      {"zero groups", [](ModelBuilder& b) { c(b)->groups = 0; }},
      {"zero stride", [](ModelBuilder& b) { c(b)->stride_w = 0; }},
      {"huge dilation", [](ModelBuilder& b) { c(b)->dilation_h = 1 << 30; }},
      {"negative pad", [](ModelBuilder& b) { c(b)->pad_left = -1; }},
      {"weights of another shape",
       [](ModelBuilder& b) {
         b.at(b.model.nodes[0]->inputs[1]).shape = {3, 1, 1, 8};
       }},
      {"weights outside the segment", [](ModelBuilder& b) { b.at(b.model.nodes[0]->inputs[1]).offset = 1 << 20; }},
      {"misaligned weights", [](ModelBuilder& b) { b.at(b.model.nodes[0]->inputs[1]).offset += 4; }},
      {"scale of zero", [](ModelBuilder& b) { b.at(0).quant->scale[0] = 0; }},
      {"scale below zero", [](ModelBuilder& b) { b.at(0).quant->scale[0] = -1; }},
      {"scale not finite", [](ModelBuilder& b) { b.at(0).quant->scale[0] = std::numeric_limits<float>::infinity(); }},
      {"scales of another number",
       [](ModelBuilder& b) {
         b.quantise(0, {1, 1, 1}, {0, 0, 0});
       }},
      {"too few weight scales", [](ModelBuilder& b) { b.at(b.model.nodes[0]->inputs[1]).weight_scale.pop_back(); }},
      {"shape product overflows",
       [](ModelBuilder& b) {
         b.at(0).shape = {1ll << 40, 1ll << 40, 1ll << 40, 4};
       }},
      {"concat along no axis", [](ModelBuilder& b) { b.model.nodes[3]->op.AsConcat()->axis = 7; }},
      {"pool of no size", [](ModelBuilder& b) { b.model.nodes[1]->op.AsPool2d()->kernel_h = 0; }},
  };
  for (const Bad& bad : cases) {
    ModelBuilder b = small_model();
    bad.change(b);
    auto model = Model::from_bytes(b.finish(), "changed.octet");
    bool refused = !model;
    if (model) refused = !Session::create(*model, {});
    EXPECT_TRUE(refused) << bad.why;
    if (model) continue;
    EXPECT_NE(model.error().text.find("changed.octet"), std::string::npos) << bad.why;
  }
}

// A model of one node whose op has nothing but the 64-bit vector in its field `index`, moved by `shift` bytes.
std::string refusal_of_vector(schema::Op op, size_t index, flatbuffers::uoffset_t shift) {
  flatbuffers::FlatBufferBuilder b;
  const flatbuffers::voffset_t field = flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(index));
  const auto values = b.CreateVector(std::vector<int64_t>{1, 0});  // 4 bytes on it is a vector of one element, 0
  const auto start = b.StartTable();
  b.AddOffset(field, values);
  const flatbuffers::Offset<void> table(b.EndTable(start));
  const std::vector<int64_t> sizes = {1};
  const std::vector<int> none = {}, first = {0};
  const auto tensors = b.CreateVector(std::vector{schema::CreateTensorDirect(b, "x", schema::DType::f32, &sizes)});
  const auto nodes = b.CreateVector(std::vector{schema::CreateNodeDirect(b, "n", op, table, &none, &none)});
  const auto inputs = b.CreateVector(first), outputs = b.CreateVector(first);
  b.Finish(schema::CreateModel(b, 0, tensors, nodes, inputs, outputs), schema::ModelIdentifier());
  const void* packed = schema::GetModel(b.GetBufferPointer())->nodes()->Get(0)->op();
  auto* at = const_cast<uint8_t*>(static_cast<const flatbuffers::Table*>(packed)->GetAddressOf(field));
  flatbuffers::WriteScalar(at, flatbuffers::ReadScalar<flatbuffers::uoffset_t>(at) + shift);
  auto model = Model::from_bytes(ModelBuilder::file_of({b.GetBufferPointer(), b.GetSize()}, {}), "vector.octet");
  return model ? "" : model.error().text;
}

TEST(Loader, MisalignedVectorsOfAnyOpAreRefused) {
  const flatbuffers::TypeTable& ops = *schema::OpTypeTable();
  std::set<std::string> found;
  for (size_t op = 1; op < ops.num_elems; ++op) {
    const flatbuffers::TypeTable& type = *ops.type_refs[ops.type_codes[op].sequence_ref]();
    for (size_t i = 0; i < type.num_elems; ++i) {
      if (type.type_codes[i].base_type != flatbuffers::ET_LONG || !type.type_codes[i].is_repeating) continue;
      const auto kind = static_cast<schema::Op>(op);
      found.insert(schema::EnumNameOp(kind));
      EXPECT_EQ(refusal_of_vector(kind, i, 0).find("misaligned"), std::string::npos) << schema::EnumNameOp(kind);
      EXPECT_NE(refusal_of_vector(kind, i, 4).find("misaligned"), std::string::npos) << schema::EnumNameOp(kind);
    }
  }
  for (const char* op : {"Slice", "Reshape", "Resize", "Pad"}) EXPECT_EQ(found.count(op), 1u) << op;
}

TEST(Loader, MisalignedSizesOfATensorAreRefused) {
  auto file = small_model().finish();
  schema::FileHeader h;
  std::memcpy(&h, file.data(), sizeof h);
  const schema::Tensor* x = schema::GetModel(file.data() + h.graph_offset)->tensors()->Get(0);
  auto* at =
      const_cast<uint8_t*>(reinterpret_cast<const flatbuffers::Table*>(x)->GetAddressOf(schema::Tensor::VT_SHAPE));
  flatbuffers::WriteScalar(at, flatbuffers::ReadScalar<flatbuffers::uoffset_t>(at) + 4);
  ModelBuilder::rehash(file);
  auto model = Model::from_bytes(file, "sizes.octet");
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().text.find("misaligned"), std::string::npos) << model.error().text;
}

TEST(Loader, WeightOfMinus128IsRefused) {
  ModelBuilder b;
  const int x = b.input("x", {1, 2, 2, 1});
  const int w = b.conv_weights("w", {1, 1, 1, 1}, {-128}, {1.0f});
  const int y = b.tensor("y", {1, 2, 2, 1});
  b.node("y", schema::Conv2dT{}, {x, w}, y);
  b.model.outputs = {y};
  EXPECT_FALSE(Model::from_bytes(b.finish(), "m"));
}

TEST(Loader, MessagesSayWhatIsWrongWithTheFile) {
  EXPECT_NE(Model::map("/nonexistent.octet").error().text.find("/nonexistent.octet"), std::string::npos);
  EXPECT_NE(Model::map("/").error().text.find("regular file"), std::string::npos);
  auto file = small_model().finish();
  file[8] = std::byte{9};
  EXPECT_NE(Model::from_bytes(file, "m").error().text.find("version"), std::string::npos);
}

TEST(Loader, MapsAFileAndOutlivesItsName) {
  const std::string path = testing::TempDir() + "/loader_test_" + std::to_string(getpid()) + ".octet";
  const auto bytes = small_model().finish();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto model = Model::map(path);
  ASSERT_TRUE(model) << model.error().text;
  unlink(path.c_str());
  EXPECT_TRUE(model->quantized());
  EXPECT_EQ(model->inputs()[0].shape, (Shape{1, 6, 5, 4}));
  auto session = Session::create(*model, {});
  ASSERT_TRUE(session) << session.error().text;
  EXPECT_TRUE(session->run());
}

// x {2, 4} gathered at constant places.
std::vector<std::byte> steered_model() {
  ModelBuilder b;
  const int x = b.input("x", {2, 4});
  const int places = b.constant<int64_t>("places", {3}, {3, 0, 2}, schema::DType::s64);
  const int y = b.tensor("y", {2, 3});
  schema::GatherT gather;
  gather.axis = 1;
  b.node("y", gather, {x, places}, y);
  b.model.outputs = {y};
  return b.finish();
}

// Whoever writes to a mapped file meets a graph and indices that nobody reads any more.
TEST(Loader, AGraphThatIsRewrittenWhileMappedIsNotRead) {
  const std::string path = testing::TempDir() + "/loader_test_rewritten_" + std::to_string(getpid()) + ".octet";
  for (const auto& [bytes, weights_too] : {std::pair{small_model().finish(), false}, {steered_model(), true}}) {
    std::fstream file(path, std::ios::binary | std::ios::out | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())).flush();
    auto model = Model::map(path);
    ASSERT_TRUE(model) << model.error().text;
    schema::FileHeader h;
    std::memcpy(&h, bytes.data(), sizeof h);
    const std::string garbage(weights_too ? bytes.size() : h.weights_offset, '\x7f');
    file.seekp(0).write(garbage.data(), static_cast<std::streamsize>(garbage.size())).flush();
    ASSERT_EQ(static_cast<char>(model->data().file.get()[20]), '\x7f') << "the mapping does not show what was written";
    std::vector<std::vector<float>> results;
    for (const Model& m : {*model, *Model::from_bytes(bytes, "as it was")}) {
      auto session = Session::create(m, {.precision = m.quantized() ? Precision::kInt8 : Precision::kF32});
      ASSERT_TRUE(session) << session.error().text;
      ASSERT_TRUE(session->prepare());
      float next = 0;
      for (float& v : session->input(0).f32()) v = next += 0.25f;
      ASSERT_TRUE(session->run());
      const auto y = session->output(0).f32();
      results.emplace_back(y.begin(), y.end());
    }
    EXPECT_EQ(results[0], results[1]);
  }
  unlink(path.c_str());
}

TEST(Loader, ConstantsHaveTheBytesOfTheirShape) {
  for (const auto& [bytes, fits] : {std::pair{24, true}, {16, false}, {32, false}, {0, false}})
    for (const schema::DType dtype : {schema::DType::s64, schema::DType::f32}) {
      ModelBuilder b;
      const int x = b.input("x", {2, 4});
      const int places = b.constant<int64_t>("places", {3}, {3, 0, 2, 0}, dtype);
      if (dtype == schema::DType::f32) b.at(places).shape = {6};
      b.at(places).bytes = static_cast<uint64_t>(bytes);
      b.model.outputs = {x, places};
      const auto model = Model::from_bytes(b.finish(), "m");
      EXPECT_EQ(static_cast<bool>(model), fits) << bytes << (model ? "" : model.error().text);
    }
}

// Each would be copied, more than any file holds.
TEST(Loader, IntegerConstantsMayNotOverlap) {
  for (const bool overlap : {false, true}) {
    ModelBuilder b;
    const int x = b.input("x", {2, 4});
    const int places = b.constant<int64_t>("places", {8}, {3, 0, 2, 1, 0, 0, 0, 0}, schema::DType::s64);
    const int again = b.tensor("again", {overlap ? 7 : 8}, schema::DType::s64);  // shared as a whole is fine
    b.at(again).constant = true;
    b.at(again).bytes = overlap ? 56 : 64;
    for (const auto& [index, size] : {std::pair{places, 8}, {again, overlap ? 7 : 8}}) {
      const int y = b.tensor("y" + std::to_string(index), {2, size});
      schema::GatherT gather;
      gather.axis = 1;
      b.node("y" + std::to_string(index), gather, {x, index}, y);
      b.model.outputs.push_back(y);
    }
    const auto model = Model::from_bytes(b.finish(), "m");
    EXPECT_EQ(static_cast<bool>(model), !overlap) << (model ? "" : model.error().text);
  }
}

TEST(Loader, APipeIsRefusedWithoutWaitingForAWriter) {
  const std::string path = ::testing::TempDir() + "octet_pipe_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto model = Model::map(path);
  ::unlink(path.c_str());
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().text.find("not a regular file"), std::string::npos) << model.error().text;
}

// y = x + x, with as many tensors that nobody reads and copies of the node as said.
ModelBuilder sums(size_t unread, size_t more_nodes) {
  ModelBuilder b;
  const int x = b.input("x", {1});
  for (size_t i = 0; i < unread; ++i) b.tensor("", {1});
  for (size_t i = 0; i <= more_nodes; ++i) {
    const int y = b.tensor("", {1});
    b.node("", schema::BinaryT{}, {x, x}, y);
    b.model.outputs = {y};
  }
  return b;
}

TEST(Loader, LimitsAreNamed) {
  ModelBuilder wide;
  const int x = wide.input("x", {1}), y = wide.tensor("y", {1025});
  wide.node("wide", schema::ConcatT{}, std::vector<int>(1025, x), y);
  wide.model.outputs = {y};
  ModelBuilder heavy;  // 16 MiB, 2,049 times
  const int image = heavy.input("image", {1, 1, 1, 2048});
  const int weights = heavy.f32("weights", {2048, 1, 1, 2048}, std::vector<float>(2048 * 2048));
  for (int i = 0; i < 2049; ++i)
    heavy.node("layer" + std::to_string(i), schema::Conv2dT{.groups = 1}, {image, weights},
               heavy.tensor("sums" + std::to_string(i), {1, 1, 1, 2048}));
  heavy.model.outputs = {heavy.model.nodes.back()->outputs[0]};
  const struct {
    const char* said;  // null: it loads
    std::vector<std::byte> file;
  } cases[] = {
      {"131073 nodes, more than the 131072", sums(0, schema::kMaxNodes).finish()},
      {"524289 tensors, more than the 524288", sums(schema::kMaxTensors - 1, 0).finish()},
      {"node 'wide': 1025 inputs, more than 1024", wide.finish()},
      {"more than the 34359738368 bytes", heavy.finish()},
      {nullptr, sums(1000, 1000).finish()},
  };
  for (const auto& c : cases) {
    const auto model = Model::from_bytes(c.file, "large.octet");
    ASSERT_EQ(static_cast<bool>(model), c.said == nullptr) << (c.said ? c.said : model.error().text);
    if (!c.said) continue;
    EXPECT_NE(model.error().text.find("large.octet: "), std::string::npos) << model.error().text;
    EXPECT_NE(model.error().text.find(c.said), std::string::npos) << model.error().text;
  }
}

// A few bytes a tensor, each with the same long list: read out for every one of them they take minutes.
TEST(Loader, TablesMayNotShareLists) {
  for (const bool shared : {false, true}) {
    flatbuffers::FlatBufferBuilder builder;
    constexpr size_t kChannels = 50000, kTensors = 2000;
    const auto shape = [&] { return builder.CreateVector(std::vector<int64_t>{1, kChannels}); };
    const auto quant = schema::CreateQuant(builder, builder.CreateVector(std::vector<float>(kChannels, 1)),
                                           builder.CreateVector(std::vector<uint8_t>(kChannels)));
    std::vector<flatbuffers::Offset<schema::Tensor>> tensors;
    for (size_t i = 0; i < (shared ? kTensors : 1); ++i) {
      const auto size = shape();
      schema::TensorBuilder tensor(builder);
      tensor.add_shape(size);
      tensor.add_quant(quant);
      tensors.push_back(tensor.Finish());
    }
    const auto all = builder.CreateVector(tensors);
    const auto ends = builder.CreateVector(std::vector<int32_t>{0}),
               out = builder.CreateVector(std::vector<int32_t>{0});
    schema::ModelBuilder model(builder);
    model.add_tensors(all);
    model.add_inputs(ends);
    model.add_outputs(out);
    builder.Finish(model.Finish(), schema::ModelIdentifier());
    const auto loaded =
        Model::from_bytes(ModelBuilder::file_of({builder.GetBufferPointer(), builder.GetSize()}, {}), "m.octet");
    ASSERT_EQ(static_cast<bool>(loaded), !shared) << (loaded ? "" : loaded.error().text);
    if (shared) {
      EXPECT_NE(loaded.error().text.find("share lists"), std::string::npos) << loaded.error().text;
    }
  }
}

// The same of names, which already the check of the bytes' structure would read again and again.
TEST(Loader, NodesMayNotShareNames) {
  flatbuffers::FlatBufferBuilder builder;
  constexpr size_t kNames = 100000, kNodes = 20000;
  const auto names = builder.CreateVector(
      std::vector<flatbuffers::Offset<flatbuffers::String>>(kNames, builder.CreateString("a name of a node")));
  std::vector<flatbuffers::Offset<schema::Node>> nodes;
  for (size_t i = 0; i < kNodes; ++i) {
    schema::NodeBuilder node(builder);
    node.add_fused(names);
    nodes.push_back(node.Finish());
  }
  const auto all = builder.CreateVector(nodes);
  schema::ModelBuilder model(builder);
  model.add_nodes(all);
  builder.Finish(model.Finish(), schema::ModelIdentifier());
  const auto begin = std::chrono::steady_clock::now();
  const auto loaded =
      Model::from_bytes(ModelBuilder::file_of({builder.GetBufferPointer(), builder.GetSize()}, {}), "m.octet");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("share lists"), std::string::npos) << loaded.error().text;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2))
      << "2,000,000,000 names are many seconds";
}

TEST(Loader, NumericsOfALaterRuntimeAreRefused) {
  for (const auto& [value, said] : {std::pair{"", "not a number"},
                                    {"x", "not a number"},
                                    {"-1", "not a number"},
                                    {"1 ", "not a number"},
                                    {"0", ""},
                                    {"1", ""},
                                    {"2", "newer runtime"},
                                    {"99999999999999", "not a number"}}) {
    ModelBuilder b = small_model();
    auto kv = std::make_unique<schema::KeyValueT>();
    kv->key = "numerics", kv->value = value;
    b.model.metadata.push_back(std::move(kv));
    const auto model = Model::from_bytes(b.finish(), "m.octet");
    EXPECT_EQ(static_cast<bool>(model), *said == 0) << value;
    if (!model) {
      EXPECT_NE(model.error().text.find(said), std::string::npos) << model.error().text;
    }
  }
}

// u8 between other ops is a form of quantised floats, so that computed bytes stay between ops that know them.
TEST(Loader, ComputedBytesAreMovedAndCastAlone) {
  const auto error = [](schema::DType type, auto last, bool as_input) {
    ModelBuilder b;
    const int x = b.input("x", {2, 3}, as_input ? type : schema::DType::f32), bytes = b.tensor("bytes", {2, 3}, type);
    const int y = b.tensor("y", {2, 3}, type);
    schema::CastT cast;
    cast.to = type;
    b.node("bytes", cast, {x}, bytes);
    b.node("y", last, {bytes}, y);
    b.model.outputs = {y, bytes};
    const auto model = Model::from_bytes(b.finish(), "m.octet");
    return model ? std::string() : model.error().text;
  };
  schema::TransposeT turn;
  turn.perm = {0, 1};
  schema::ReshapeT reshape;
  reshape.shape = {2, 3};
  schema::SliceT slice;
  slice.starts = {0}, slice.ends = {3}, slice.axes = {1}, slice.steps = {1};
  for (const auto type : {schema::DType::u8, schema::DType::s8}) {
    EXPECT_EQ(error(type, turn, false), "");
    EXPECT_EQ(error(type, reshape, false), "");
    EXPECT_NE(error(type, slice, false).find("'y': input 0 is computed"), std::string::npos);
    EXPECT_NE(error(type, schema::ConcatT{}, false).find("'y': input 0 is computed"), std::string::npos);
    EXPECT_NE(error(type, turn, true).find("graph input 0 is"), std::string::npos);
  }
}

}  // namespace
}  // namespace octet
