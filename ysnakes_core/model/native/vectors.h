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
typedef int32_t four_ints __attribute__((vector_size(16)));
typedef float loose_floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t loose_ints __attribute__((vector_size(64), aligned(2), may_alias));

/* Some code for each of `count` things, at most four, of a number that is known when it is compiled. gcc keeps an
   array in registers only if it never saw a loop over it. */
#define EACH_ROW(r, count, ...)                 \
    do {                                        \
        {enum { r = 0 }; if (r < (count)) { __VA_ARGS__ }} \
        {enum { r = 1 }; if (r < (count)) { __VA_ARGS__ }} \
        {enum { r = 2 }; if (r < (count)) { __VA_ARGS__ }} \
        {enum { r = 3 }; if (r < (count)) { __VA_ARGS__ }} \
    } while (0)
#define EACH(c, count, ...)                     \
    do {                                        \
        {enum { c = 0 }; if (c < (count)) { __VA_ARGS__ }} \
        {enum { c = 1 }; if (c < (count)) { __VA_ARGS__ }} \
        {enum { c = 2 }; if (c < (count)) { __VA_ARGS__ }} \
        {enum { c = 3 }; if (c < (count)) { __VA_ARGS__ }} \
    } while (0)

#if defined(__clang__)
#define FIRST_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define LAST_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define FIRST_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define LAST_HALVES(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#else
#define FIRST_PAIRS(a, b) __builtin_shuffle(a, b, (four_ints){0, 4, 1, 5})
#define LAST_PAIRS(a, b) __builtin_shuffle(a, b, (four_ints){2, 6, 3, 7})
#define FIRST_HALVES(a, b) __builtin_shuffle(a, b, (four_ints){0, 1, 4, 5})
#define LAST_HALVES(a, b) __builtin_shuffle(a, b, (four_ints){2, 3, 6, 7})
#endif

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

INLINE four_floats fold(floats v) {
    eight_floats a[2];
    memcpy(a, &v, sizeof a);
    a[0] += a[1];
    four_floats b[2];
    memcpy(b, a, sizeof b);
    return b[0] + b[1];
}

INLINE float sum_of(floats v) {
    four_floats four = fold(v);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* The sums of four vectors: the same, all at once. */
INLINE void sums_of_four(const floats *v, float *sums) {
    four_floats a = fold(v[0]), b = fold(v[1]), c = fold(v[2]), d = fold(v[3]);
    four_floats ab = FIRST_PAIRS(a, b) + LAST_PAIRS(a, b), cd = FIRST_PAIRS(c, d) + LAST_PAIRS(c, d);
    four_floats found = FIRST_HALVES(ab, cd) + LAST_HALVES(ab, cd);
    memcpy(sums, &found, sizeof found);
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
