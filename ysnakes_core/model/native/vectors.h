/* Sixteen numbers at a time, by the vector extensions that gcc and clang share; each processor gets what it has.

   A sum of products is always added up in the same order: sixteen sums side by side along the row, then these,
   halved and halved again. So a number does not depend on what else is computed beside it. */

#ifndef YSNAKES_VECTORS_H
#define YSNAKES_VECTORS_H

#include <stdint.h>
#include <string.h>

#define WIDE 16
#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));
typedef int8_t bytes __attribute__((vector_size(16)));
typedef float eight_floats __attribute__((vector_size(32)));
typedef float four_floats __attribute__((vector_size(16)));
typedef float loose_floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t loose_ints __attribute__((vector_size(64), aligned(2), may_alias));

INLINE floats load(const float *from) { return *(const loose_floats *)from; }

INLINE void store(float *to, floats v) { *(loose_floats *)to = v; }

INLINE floats all(float value) { return value - (floats){0}; }

/* The first `count` of a vector, at most all; the others are 0, or left alone. */
INLINE floats load_some(const float *from, int64_t count) {
    if (count >= WIDE) return load(from);
    floats v = {0};
    memcpy(&v, from, (size_t)count * sizeof(float));
    return v;
}

INLINE void store_some(float *to, floats v, int64_t count) {
    if (count >= WIDE)
        store(to, v);
    else
        memcpy(to, &v, (size_t)count * sizeof(float));
}

INLINE float sum_of(floats v) {
    eight_floats a[2];
    memcpy(a, &v, sizeof v);
    a[0] += a[1];
    four_floats b[2];
    memcpy(b, a, sizeof b);
    b[0] += b[1];
    return (b[0][0] + b[0][2]) + (b[0][1] + b[0][3]);
}

INLINE floats choose(ints which, floats a, floats b) {
    return (floats)((which & (ints)a) | (~which & (ints)b));
}

/* e to the power of x, to the last digit or two; beyond what a float holds, the nearest power in it. A NaN
   stays one. (x = n ln 2 + r: two to the n, times a polynomial in r.) */
INLINE floats exp_of(floats x) {
    const floats low = all(-87.0f), high = all(88.0f), round = all(12582912.0f); /* 1.5 * 2^23 */
    x = choose(x < low, low, x);
    x = choose(x > high, high, x);
    floats n = x * 1.44269504f + round;
    n = n - round;
    floats r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    floats p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    ints power = __builtin_convertvector(n, ints);
    return p * (floats)((power + 127) << 23);
}

INLINE floats silu_of(floats x) { return x / (exp_of(-x) + 1.0f); }

#endif
