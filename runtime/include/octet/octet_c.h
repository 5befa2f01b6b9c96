/* Octet's C interface: the same model and session as octet/octet.h.
 *
 * Functions that can fail return 0 on success and an octet_code above 0 otherwise; octet_last_error() then gives the text, kept
 * for each thread until its next failing call. A NULL where a handle or a result belongs, an index out of range and want of
 * memory are such failures. Handles are made and freed in pairs; a function that fails to make one sets it to NULL, and NULL
 * may be freed. A model may be shared by threads and must outlive nothing: sessions keep what they need. A session belongs
 * to one thread at a time: while one is in octet_session_input, _run or _resize_input, these give OCTET_BUSY to others. After
 * fork() the child may use the models and sessions that it inherited, if no other thread was in one of these functions then.
 * The calling thread's floating point environment decides nothing, and is left as it was. */
#ifndef OCTET_C_H
#define OCTET_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OCTET_API __attribute__((visibility("default")))
#else
#define OCTET_API
#endif

#define OCTET_MAX_RANK 8

typedef struct octet_model octet_model;
typedef struct octet_session octet_session;
typedef struct octet_cancel octet_cancel; /* what ends runs from other threads */

/* The numbers stay; further ones may come. */
typedef enum {
  OCTET_OK,
  OCTET_BAD_ARGUMENT,
  OCTET_BAD_FILE,
  OCTET_BAD_MODEL,
  OCTET_UNSUPPORTED,
  OCTET_IO,
  OCTET_MEMORY, /* more than memory_limit, or than the system gives */
  OCTET_BUSY,   /* another thread is in this session */
  OCTET_CANCELLED,
  OCTET_DEADLINE
} octet_code;

typedef enum { OCTET_F32, OCTET_U8, OCTET_S8, OCTET_S32, OCTET_S64, OCTET_BOOL } octet_dtype;
/* Since 0.2.0 zero is the default: int8 where the model is quantised, else f32. (In 0.1.0 zero was f32, one int8.) */
typedef enum { OCTET_PRECISION_DEFAULT, OCTET_PRECISION_F32, OCTET_PRECISION_INT8 } octet_precision;

typedef struct {
  const char* name; /* owned by the model */
  octet_dtype dtype;
  int rank;
  int64_t shape[OCTET_MAX_RANK]; /* -1 in a model's description: any size */
  void* data;                    /* dense, row-major, owned by the session; NULL in a model's description */
} octet_tensor;

/* Zeros, and NULL in place of the whole, mean the defaults: `octet_options options = {0};` and what differs. */
typedef struct {
  int threads;              /* of a run, the caller's among them; 0: one */
  int precision;            /* an octet_precision; int8 needs a quantised model, f32 goes with any */
  const char* int8_ops;     /* comma-separated op names that may run in int8; NULL: the model's own set */
  const char* int8_exclude; /* comma-separated op or node names that stay float; NULL: none */
  int plans_kept;           /* input shapes that stay prepared; 0: four */
  size_t kept_bytes;        /* memory for shapes that are not in use, plans and activations each; 0: no limit */
  size_t memory_limit;      /* of octet_session_memory(); 0: half of the machine's or control group's memory */
} octet_options;

/* Of one run; zeros mean none. Both are looked at before each step, so a run ends at most one step (a layer, mostly) later. What
 * has begun to be prepared for new shapes is finished first. The inputs are there afterwards, the outputs are not. */
typedef struct {
  const octet_cancel* cancel; /* once set, the run gives OCTET_CANCELLED */
  int64_t timeout_us;         /* from the call on; then the run gives OCTET_DEADLINE. 0: none */
} octet_run_options;

OCTET_API const char* octet_version(void);
OCTET_API const char* octet_last_error(void);

OCTET_API int octet_model_map(const char* path, octet_model** model);
OCTET_API void octet_model_free(octet_model* model);
OCTET_API int octet_model_input_count(const octet_model* model); /* -1 for NULL, as the next two */
OCTET_API int octet_model_output_count(const octet_model* model);
OCTET_API int octet_model_quantized(const octet_model* model); /* 1 or 0 */
OCTET_API int octet_model_input(const octet_model* model, int index, octet_tensor* info);
OCTET_API int octet_model_output(const octet_model* model, int index, octet_tensor* info);

/* Prepares the session where all input shapes are known, otherwise the first input or run does. Starts all threads, and
 * fails where the system does not give as many. */
OCTET_API int octet_session_create(const octet_model* model, const octet_options* options, octet_session** session);
OCTET_API void octet_session_free(octet_session* session);
/* Lines that the caller should know though they are no errors; "" for none. Valid while the session is. */
OCTET_API const char* octet_session_warnings(const octet_session* session);
OCTET_API int octet_session_resize_input(octet_session* session, int index, const int64_t* shape, int rank);
/* The tensor's data is valid until the next resize; write it before each run. */
OCTET_API int octet_session_input(octet_session* session, int index, octet_tensor* tensor);
OCTET_API int octet_session_run(octet_session* session);
OCTET_API int octet_session_run_with(octet_session* session, const octet_run_options* options); /* NULL: none */
/* Valid until the next run or resize. Needs a run first. */
OCTET_API int octet_session_output(const octet_session* session, int index, octet_tensor* tensor);
/* Bytes of activations, scratch memory, plans, and what was made of the model's weights: all that memory_limit counts. Once
 * prepared, a run needs no more, unless sizes depend on data. 0 for NULL. */
OCTET_API size_t octet_session_memory(const octet_session* session);

/* A flag that any number of runs may look at; free it when none does. Setting it is safe in any thread and signal handler. */
OCTET_API int octet_cancel_create(octet_cancel** cancel);
OCTET_API void octet_cancel_free(octet_cancel* cancel);
OCTET_API void octet_cancel_set(octet_cancel* cancel,
                                int cancelled); /* 1: runs end; 0: they may run again. NULL: nothing */

#ifdef __cplusplus
}
#endif
#endif
