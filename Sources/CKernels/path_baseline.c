// The path compiled for the default target: SSE2 on x86-64, NEON on arm64.
#define TACIT_FUSED 0
#define TACIT_TARGET
#define TACIT_SUFFIX _baseline
#include "path_template.h"
