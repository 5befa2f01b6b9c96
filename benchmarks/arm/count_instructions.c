// A plugin of qemu-user that counts the instructions of a program: QEMU's "TCG plugin" interface, version 1, whose header Debian
// does not package; what is used of it is declared here.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;  // a block of translated instructions
enum { kAddU64 = 0 };   // the one inline operation that there is

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*translated)(qemu_plugin_id_t, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb* block, int op, void* counter, uint64_t step);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*ended)(qemu_plugin_id_t, void*), void* data);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

static uint64_t executed;

static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, kAddU64, &executed, qemu_plugin_tb_n_insns(block));
}

// Into the file that the environment names.
static void write_count(qemu_plugin_id_t id, void* data) {
  (void)id, (void)data;
  const char* path = getenv("INSTRUCTIONS_FILE");
  FILE* file = path ? fopen(path, "w") : NULL;
  if (file) {
    fprintf(file, "%" PRIu64 "\n", executed);
    fclose(file);
  }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
  qemu_plugin_register_atexit_cb(id, write_count, NULL);
  return 0;
}
