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

/* Products of `n` rows of a weight and `m` rows of numbers, to sums[n][m]; both are known when compiled. */

INLINE void float32_sums(const float *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, float *sums) {
    floats acc[4][4] = {{{0}}};
    const float *x = of->numbers + b * of->stride;
    int64_t i = 0, left = columns % WIDE;
    for (; i < columns - left; i += WIDE)
        for (int r = 0; r < n; r++) {
            floats v = load(w + r * columns + i);
            __builtin_prefetch(w + (r + n) * columns + i);
            for (int c = 0; c < m; c++) acc[r][c] += v * load(x + c * of->stride + i);
        }
    if (left)
        for (int r = 0; r < n; r++) {
            floats v = load_some(w + r * columns + i, left);
            for (int c = 0; c < m; c++) acc[r][c] += v * load(x + c * of->stride + i);
        }
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m; c++) sums[r * m + c] = sum_of(acc[r][c]);
}

INLINE void add_bfloat16(ints pairs, const float *x, floats *acc) {
    *acc += (floats)(pairs << 16) * load(x);
    *acc += (floats)(pairs & (int32_t)0xffff0000) * load(x + WIDE);
}

INLINE void bfloat16_sums(const uint16_t *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, float *sums) {
    floats acc[4][4] = {{{0}}};
    const float *x = of->numbers + b * of->stride;
    int64_t i = 0, left = columns % (2 * WIDE);
    for (; i < columns - left; i += 2 * WIDE)
        for (int r = 0; r < n; r++) {
            ints pairs = *(const loose_ints *)(w + r * columns + i);
            __builtin_prefetch(w + (r + n) * columns + i);
            for (int c = 0; c < m; c++) add_bfloat16(pairs, x + c * of->stride + i, &acc[r][c]);
        }
    if (left)
        for (int r = 0; r < n; r++) {
            ints pairs = {0};
            memcpy(&pairs, w + r * columns + i, (size_t)left * 2);
            for (int c = 0; c < m; c++) add_bfloat16(pairs, x + c * of->stride + i, &acc[r][c]);
        }
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m; c++) sums[r * m + c] = sum_of(acc[r][c]);
}

#if defined(__AVX512VNNI__)
#define AT_ONCE 64
typedef __m512i whole;
INLINE whole load_whole(const int8_t *from) { return _mm512_loadu_si512(from); }
INLINE void add_whole(whole *acc, whole w, whole x) { *acc = _mm512_dpbusd_epi32(*acc, x, w); }
INLINE int32_t sum_of_whole(whole v) { return _mm512_reduce_add_epi32(v); }
#elif defined(__AVX2__)
#define AT_ONCE 16
typedef __m256i whole;
INLINE whole load_whole(const int8_t *from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from)); }
INLINE void add_whole(whole *acc, whole w, whole x) { *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(w, x)); }
INLINE int32_t sum_of_whole(whole v) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_hadd_epi32(half, half);
    return _mm_cvtsi128_si32(_mm_hadd_epi32(half, half));
}
#else
#define AT_ONCE 16
typedef ints whole;
INLINE whole load_whole(const int8_t *from) {
    bytes v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, ints);
}
INLINE void add_whole(whole *acc, whole w, whole x) { *acc += w * x; }
INLINE int32_t sum_of_whole(whole v) {
    int32_t sum = 0;
    for (int at = 0; at < WIDE; at++) sum += v[at];
    return sum;
}
#endif

INLINE void int8_sums(const int8_t *w, int64_t columns, const Numbers *of, int64_t b, int n, int m, int32_t *sums) {
    whole acc[4][4];
    memset(acc, 0, sizeof acc);
    const int8_t *x = of->levels + b * of->stride;
    int64_t i = 0, left = columns % AT_ONCE;
    for (; i < columns - left; i += AT_ONCE)
        for (int r = 0; r < n; r++) {
            whole v = load_whole(w + r * columns + i);
            for (int c = 0; c < m; c++) add_whole(&acc[r][c], v, load_whole(x + c * of->stride + i));
        }
    if (left)
        for (int r = 0; r < n; r++) {
            int8_t last[AT_ONCE] = {0};
            memcpy(last, w + r * columns + i, (size_t)left);
            whole v = load_whole(last);
            for (int c = 0; c < m; c++) add_whole(&acc[r][c], v, load_whole(x + c * of->stride + i));
        }
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m; c++) sums[r * m + c] = sum_of_whole(acc[r][c]);
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
        for (int r = 0; r < n; r++)
            for (int c = 0; c < m; c++) {
                int32_t sum = found[r * m + c] - LEVELS_FROM * by->sums[row + r];
                sums[r * m + c] = (float)sum * of->steps[b + c] * by->scale[row + r];
            }
    }
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m; c++) {
            float *to = out + (b + c) * width + row + r;
            *to = add ? *to + sums[r * m + c] : sums[r * m + c];
        }
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
