// Runs a model so many times on one thread and prints its multiply-accumulates: what instructions.py counts the instructions of.
#include <octet/octet.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

static int fail(const octet::Error& error) {
  std::fprintf(stderr, "%s\n", error.text.c_str());
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: runs MODEL.octet TIMES\n", stderr), 1;
  auto model = octet::Model::map(argv[1]);
  if (!model) return fail(model.error());
  auto session = octet::Session::create(
      *model, {.precision = model->quantized() ? octet::Precision::kInt8 : octet::Precision::kF32, .profile = true});
  if (!session) return fail(session.error());
  if (auto ready = session->prepare(); !ready) return fail(ready.error());
  for (int i = std::atoi(argv[2]); i > 0; --i)
    if (auto done = session->run(); !done) return fail(done.error());
  int64_t macs = 0;
  for (const octet::StepProfile& step : session->profile()) macs += step.macs;
  std::printf("%" PRId64 "\n", macs);
}
