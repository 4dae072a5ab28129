#pragma once

// A function marked so is compiled for several vector widths, one of which is chosen at load time. Sanitizers start
// before the loader's choice can run, so their builds use the plain version.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define RINGATTN_VECTOR_CLONES
#else
#define RINGATTN_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
