// The smallest C++ program that runs a model of float images: grey in, the first values of each output out.
#include <octet/octet.h>

#include <algorithm>
#include <cstdio>

static int fail(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return fail("usage: detect-cc model.octet");
  auto model = octet::Model::map(argv[1]);
  if (!model) return fail(model.error().text);
  auto session = octet::Session::create(
      *model, {.threads = 2, .precision = model->quantized() ? octet::Precision::kInt8 : octet::Precision::kF32});
  if (!session) return fail(session.error().text);
  if (auto ready = session->prepare(); !ready) return fail(ready.error().text);  // says which sizes are open
  for (size_t i = 0; i < model->inputs().size(); ++i) {
    const octet::Tensor in = session->input(static_cast<int>(i));
    if (in.dtype != octet::DType::kF32) return fail("this program fills inputs of floats only");
    std::ranges::fill(in.f32(), 0.5f);
  }
  if (auto done = session->run(); !done) return fail(done.error().text);
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const octet::Tensor out = session->output(static_cast<int>(i));
    std::printf("%.*s %s:", static_cast<int>(out.name.size()), out.name.data(), out.shape.text().c_str());
    if (out.dtype != octet::DType::kF32) std::printf(" of %s", octet::name_of(out.dtype));
    for (float v : out.f32().first(std::min<size_t>(5, out.f32().size()))) std::printf(" %g", v);
    std::printf("\n");
  }
}
