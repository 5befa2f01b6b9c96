/* The smallest C program that runs a model: grey in, the first values of the first output out. */
#include <octet/octet_c.h>
#include <stdio.h>

static int fail(void) {
  fprintf(stderr, "%s\n", octet_last_error());
  return 1;
}

int main(int argc, char** argv) {
  octet_model* model;
  octet_session* session;
  octet_tensor in, out;
  if (argc < 2) return fprintf(stderr, "usage: %s model.octet\n", argv[0]), 1;
  if (octet_model_map(argv[1], &model) || octet_session_create(model, NULL, &session)) return fail();
  if (octet_session_input(session, 0, &in)) return fail();
  size_t count = 1;
  for (int d = 0; d < in.rank; ++d) count *= (size_t)in.shape[d];
  for (size_t i = 0; i < count; ++i) ((float*)in.data)[i] = 0.5f;
  if (octet_session_run(session) || octet_session_output(session, 0, &out)) return fail();
  printf("%s:", out.name);
  for (int i = 0; i < 5; ++i) printf(" %g", ((const float*)out.data)[i]);
  printf("\n");
  octet_session_free(session);
  octet_model_free(model);
  return 0;
}
