/* What the kernels share. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef const double *restrict In;
typedef double *restrict Out;
typedef void Kernel(const double *const *in, double *out, const long *n);

/* Scratch memory, kept from call to call. */
static double *scratch(long count) {
    static double *memory;
    static long size;
    if (count > size) {
        free(memory);
        memory = aligned_alloc(64, (size_t)(count * 8 + 63) / 64 * 64);
        size = count;
    }
    return memory;
}

#define INLINE static inline __attribute__((always_inline))
#define LANES for (int b = 0; b < B; b++)
