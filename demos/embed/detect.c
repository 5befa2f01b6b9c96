/* The smallest C program that runs a model of float images: grey in, the first values of the first output out. */
#include <octet/octet_c.h>
#include <stdio.h>

static int fail(const char* text) {
  fprintf(stderr, "%s\n", text);
  return 1;
}

int main(int argc, char** argv) {
  octet_model* model;
  octet_session* session;
  octet_tensor in, out;
  if (argc < 2) return fail("usage: detect-c model.octet");
  if (octet_model_map(argv[1], &model) || octet_session_create(model, NULL, &session)) return fail(octet_last_error());
  for (int input = 0; input < octet_model_input_count(model); ++input) {
    if (octet_session_input(session, input, &in)) return fail(octet_last_error());
    if (in.dtype != OCTET_F32) return fail("this program fills inputs of floats only");
    size_t count = 1;
    for (int d = 0; d < in.rank; ++d) count *= (size_t)in.shape[d];
    for (size_t i = 0; i < count; ++i) ((float*)in.data)[i] = 0.5f;
  }
  if (octet_session_run(session) || octet_session_output(session, 0, &out)) return fail(octet_last_error());
  if (out.dtype != OCTET_F32) return fail("this program prints outputs of floats only");
  size_t count = 1;
  for (int d = 0; d < out.rank; ++d) count *= (size_t)out.shape[d];
  printf("%s:", out.name);
  for (size_t i = 0; i < count && i < 5; ++i) printf(" %g", ((const float*)out.data)[i]);
  printf("\n");
  octet_session_free(session);
  octet_model_free(model);
  return 0;
}
