// The smallest C++ program that runs a model: grey in, the first values of each output out.
#include <octet/octet.h>

#include <algorithm>
#include <cstdio>

static int fail(const octet::Error& error) {
  std::fprintf(stderr, "%s\n", error.text.c_str());
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s model.octet\n", argv[0]), 1;
  auto model = octet::Model::map(argv[1]);
  if (!model) return fail(model.error());
  auto session = octet::Session::create(
      *model, {.threads = 2, .precision = model->quantized() ? octet::Precision::kInt8 : octet::Precision::kF32});
  if (!session) return fail(session.error());
  for (size_t i = 0; i < model->inputs().size(); ++i)
    std::ranges::fill(session->input(static_cast<int>(i)).f32(), 0.5f);
  if (auto done = session->run(); !done) return fail(done.error());
  for (size_t i = 0; i < model->outputs().size(); ++i) {
    const octet::Tensor out = session->output(static_cast<int>(i));
    std::printf("%.*s %s:", static_cast<int>(out.name.size()), out.name.data(), out.shape.text().c_str());
    for (float v : out.f32().first(std::min<size_t>(5, out.f32().size()))) std::printf(" %g", v);
    std::printf("\n");
  }
}
