// The path for x86-64 with AVX2 and FMA. Chosen at run time by dispatch.c, so no build flag is
// needed.
#if defined(__x86_64__)
#define TACIT_FUSED 1
#define TACIT_TARGET __attribute__((target("avx2,fma")))
#define TACIT_SUFFIX _avx2
#include "path_template.h"
#else
// A translation unit may not be empty.
typedef int tacit_path_avx2_unused;
#endif
