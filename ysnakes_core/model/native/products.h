/* Rows of a weight times rows of numbers, the weight in float32, bfloat16 or int8. What limits it is how
   quickly the weight is read: a few of its rows at once, and each from memory once for all rows of numbers. */

#ifndef YSNAKES_PRODUCTS_H
#define YSNAKES_PRODUCTS_H

#include <math.h>

#include "vectors.h"

#if defined(__AVX512VNNI__) || defined(__AVX2__)
#include <immintrin.h>
#endif

enum { FLOAT32, BFLOAT16, INT8 };

#define LEVELS 127    /* steps of int8 from 0 to a row's largest number */
#define TINY 1e-30f   /* the least that a step is made of */
#define PAD 64        /* a row of numbers is padded with zeros to a multiple of so many */

typedef struct {
    const void *weight;   /* (rows, columns) */
    const float *scale;   /* int8: what 1 stands for, by row */
    const int32_t *sums;  /* int8: of each row */
    int64_t rows, columns, kind;
} Matrix;

/* Rows of numbers that weights are multiplied with, as the kind of weight wants them. */
typedef struct {
    float *numbers;   /* (count, stride); bfloat16: of each 32 the even ones first */
    int8_t *levels;   /* (count, stride), int8 only: rounded, plus 128 where the processor wants no signs */
    float *steps;     /* (count,), int8 only: what 1 stands for */
    int64_t stride;
} Numbers;

#if defined(__AVX512VNNI__)
#define LEVELS_FROM 128
#else
#define LEVELS_FROM 0
#endif

/* Round a row of numbers to whole steps of its largest. If one is not finite, so is the step. */
static void round_to_levels(const float *x, int64_t count, int8_t *levels, float *step) {
    floats most = {0}, wrong = {0};
    int64_t i = 0;
    for (; i < count; i += WIDE) {
        floats v = load_some(x + i, count - i);
        floats size = (floats)((ints)v & 0x7fffffff);
        most = choose(size > most, size, most);
        wrong += v * 0.0f;
    }
    float largest = TINY;
    for (int at = 0; at < WIDE; at++) largest = most[at] > largest ? most[at] : largest;
    *step = largest / LEVELS + sum_of(wrong);
    const float by = LEVELS / largest;
    const floats round = all(12582912.0f);
    for (i = 0; i < count; i += WIDE) {
        floats v = load_some(x + i, count - i);
        ints whole = __builtin_convertvector((v * by + round) - round, ints) + LEVELS_FROM;
        bytes few = __builtin_convertvector(whole, bytes);
        memcpy(levels + i, &few, sizeof few);
    }
    memset(levels + i, LEVELS_FROM, (size_t)(-i & (PAD - 1)));
}

/* Put the even ones of each 32 numbers before the odd ones, as a pair of bfloat16 is taken apart. */
static void part_even_from_odd(float *x, int64_t stride) {
    for (int64_t i = 0; i < stride; i += 2 * WIDE) {
        float pairs[2 * WIDE];
        memcpy(pairs, x + i, sizeof pairs);
        for (int at = 0; at < WIDE; at++) {
            x[i + at] = pairs[2 * at];
            x[i + WIDE + at] = pairs[2 * at + 1];
        }
    }
}

/* Have `numbers`, of which `count` rows of so many `columns` are there and padded, made ready for a kind. */
static void make_ready(const Numbers *of, int64_t count, int64_t columns, int64_t kind) {
    for (int64_t b = 0; b < count; b++) {
        float *x = of->numbers + b * of->stride;
        if (kind == INT8) round_to_levels(x, columns, of->levels + b * of->stride, of->steps + b);
        if (kind == BFLOAT16) part_even_from_odd(x, of->stride);
    }
}

/* What comes next is the same place of the next rows: the processor does not guess that soon enough by itself.
   To ask for what is beyond the end does no harm. */

/* Products of `n` rows of a weight (4 or 1) and `m` rows of numbers, to sums[m][n]; both are known when compiled. */

INLINE void sums_of(const floats *acc, int n, int m, float *sums) {
    EACH(c, m, if (n == 4) sums_of_four(acc + 4 * c, sums + 4 * c); else sums[c] = sum_of(acc[c]););
}

INLINE void float32_sums(const float *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, float *sums) {
    floats acc[16] = {{0}};
    const float *x = of->numbers + b * of->stride;
    int64_t i = 0, left = columns % WIDE;
    for (; i < columns - left; i += WIDE)
        EACH_ROW(r, n, floats v = load(w + r * columns + i); __builtin_prefetch(w + (r + n) * columns + i);
                 EACH(c, m, acc[c * n + r] += v * load(x + c * of->stride + i);););
    if (left)
        EACH_ROW(r, n, floats v = load_some(w + r * columns + i, left);
                 EACH(c, m, acc[c * n + r] += v * load(x + c * of->stride + i);););
    sums_of(acc, n, m, sums);
}

INLINE floats with_bfloat16(floats sum, ints pairs, const float *x) {
    sum += (floats)(pairs << 16) * load(x);
    return sum + (floats)(pairs & (int32_t)0xffff0000) * load(x + WIDE);
}

INLINE ints load_pairs(const uint16_t *from, int64_t count) {
    if (count >= 2 * WIDE) return *(const loose_ints *)from;
    ints pairs = {0};
    memcpy(&pairs, from, (size_t)count * sizeof(uint16_t));
    return pairs;
}

INLINE void bfloat16_sums(const uint16_t *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, float *sums) {
    floats acc[16] = {{0}};
    const float *x = of->numbers + b * of->stride;
    int64_t i = 0, left = columns % (2 * WIDE);
    for (; i < columns - left; i += 2 * WIDE)
        EACH_ROW(r, n, ints v = load_pairs(w + r * columns + i, 2 * WIDE); __builtin_prefetch(w + (r + n) * columns + i);
                 EACH(c, m, acc[c * n + r] = with_bfloat16(acc[c * n + r], v, x + c * of->stride + i);););
    if (left)
        EACH_ROW(r, n, ints v = load_pairs(w + r * columns + i, left);
                 EACH(c, m, acc[c * n + r] = with_bfloat16(acc[c * n + r], v, x + c * of->stride + i);););
    sums_of(acc, n, m, sums);
}

#if defined(__AVX512VNNI__)
#define AT_ONCE 64
typedef __m512i whole;
INLINE whole load_whole(const int8_t *from) { return _mm512_loadu_si512(from); }
INLINE whole with_whole(whole sum, whole w, whole x) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w)); /* of the intrinsic's, gcc makes two copies */
    return sum;
}
INLINE four_ints fold_whole(whole v) {
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return (four_ints)_mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}
#elif defined(__AVX2__)
#define AT_ONCE 16
typedef __m256i whole;
INLINE whole load_whole(const int8_t *from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from)); }
INLINE whole with_whole(whole sum, whole w, whole x) { return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x)); }
INLINE four_ints fold_whole(whole v) {
    return (four_ints)_mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
#else
#define AT_ONCE 16
typedef ints whole;
INLINE whole load_whole(const int8_t *from) {
    bytes v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, ints);
}
INLINE whole with_whole(whole sum, whole w, whole x) { return sum + w * x; }
INLINE four_ints fold_whole(whole v) {
    four_ints four[4];
    memcpy(four, &v, sizeof four);
    return (four[0] + four[1]) + (four[2] + four[3]);
}
#endif

INLINE void whole_sums_of_four(const whole *v, int32_t *sums) {
    four_ints a = fold_whole(v[0]), b = fold_whole(v[1]), c = fold_whole(v[2]), d = fold_whole(v[3]);
    four_ints ab = FIRST_PAIRS(a, b) + LAST_PAIRS(a, b), cd = FIRST_PAIRS(c, d) + LAST_PAIRS(c, d);
    four_ints found = FIRST_HALVES(ab, cd) + LAST_HALVES(ab, cd);
    memcpy(sums, &found, sizeof found);
}

INLINE int32_t sum_of_whole(whole v) {
    four_ints four = fold_whole(v);
    return four[0] + four[1] + four[2] + four[3];
}

INLINE whole load_some_whole(const int8_t *from, int64_t count) {
    int8_t some[AT_ONCE] = {0};
    memcpy(some, from, (size_t)count);
    return load_whole(some);
}

INLINE void int8_sums(const int8_t *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, int32_t *sums) {
    whole acc[16];
    EACH(c, m, EACH_ROW(r, n, memset(&acc[c * n + r], 0, sizeof acc[0]);););
    const int8_t *x = of->levels + b * of->stride;
    int64_t i = 0, left = columns % AT_ONCE;
    for (; i < columns - left; i += AT_ONCE)
        EACH_ROW(r, n, whole v = load_whole(w + r * columns + i); __builtin_prefetch(w + (r + n) * columns + i);
                 EACH(c, m, acc[c * n + r] = with_whole(acc[c * n + r], v, load_whole(x + c * of->stride + i));););
    if (left)
        EACH_ROW(r, n, whole v = load_some_whole(w + r * columns + i, left);
                 EACH(c, m, acc[c * n + r] = with_whole(acc[c * n + r], v, load_whole(x + c * of->stride + i));););
    EACH(c, m, if (n == 4) whole_sums_of_four(acc + 4 * c, sums + 4 * c); else sums[c] = sum_of_whole(acc[c]););
}

INLINE four_floats load_four(const float *from) {
    four_floats v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* What sums of whole numbers, of `n` rows from `row` on, stand for. */
INLINE void unfold(const Matrix *by, int64_t row, int n, float step, const int32_t *found, float *sums) {
    if (n == 4) {
        four_ints whole, of_rows;
        memcpy(&whole, found, sizeof whole);
        memcpy(&of_rows, by->sums + row, sizeof of_rows);
        four_floats v = __builtin_convertvector(whole - LEVELS_FROM * of_rows, four_floats);
        v = v * step * load_four(by->scale + row);
        memcpy(sums, &v, sizeof v);
    } else {
        *sums = (float)(*found - LEVELS_FROM * by->sums[row]) * step * by->scale[row];
    }
}

/* The same for any kind of weight: from row `row` on `n` of it, with `m` rows of numbers from `b` on, to
   out[b][row] with `width` from one b to the next; `add`: to what is there. */
INLINE void write_products(const Matrix *by, const Numbers *of, int64_t row, int64_t b, int n, int m, float *out,
                           int64_t width, int add) {
    float sums[16];
    if (by->kind == FLOAT32) {
        float32_sums((const float *)by->weight + row * by->columns, by->columns, of, b, n, m, sums);
    } else if (by->kind == BFLOAT16) {
        bfloat16_sums((const uint16_t *)by->weight + row * by->columns, by->columns, of, b, n, m, sums);
    } else {
        int32_t found[16];
        int8_sums((const int8_t *)by->weight + row * by->columns, by->columns, of, b, n, m, found);
        EACH(c, m, unfold(by, row, n, of->steps[b + c], found + c * n, sums + c * n););
    }
    EACH(c, m, float *to = out + (b + c) * width + row;
         if (n == 4) {
             four_floats v = load_four(sums + 4 * c);
             if (add) v += load_four(to);
             memcpy(to, &v, sizeof v);
         } else *to = add ? *to + sums[c] : sums[c];);
}

INLINE void rows_of_products(const Matrix *by, const Numbers *of, int64_t count, int64_t row, int n, float *out,
                             int64_t width, int add) {
    int64_t b = 0;
    for (; b + 4 <= count; b += 4) write_products(by, of, row, b, n, 4, out, width, add);
    for (; b + 2 <= count; b += 2) write_products(by, of, row, b, n, 2, out, width, add);
    for (; b < count; b++) write_products(by, of, row, b, n, 1, out, width, add);
}

/* Rows `first` to `last` of a weight with `count` rows of numbers. */
static void multiply(const Matrix *by, const Numbers *of, int64_t count, int64_t first, int64_t last, float *out,
                     int64_t width, int add) {
    int64_t row = first;
    for (; row + 4 <= last; row += 4) rows_of_products(by, of, count, row, 4, out, width, add);
    for (; row < last; row++) rows_of_products(by, of, count, row, 1, out, width, add);
}

#endif
