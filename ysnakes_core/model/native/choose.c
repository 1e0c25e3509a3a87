/* From scores to one token where few can be chosen: what `sampling.py` does, step by step, in one go. The two
   are tested against each other; what is meant stands there. */

#include <math.h>
#include <stdlib.h>

#include "vectors.h"

#define MOST 1024 /* tokens that can be left by top-k, as can be changed, and as can be alternatives */
#define SIEVE 4096

enum { CHOSEN = 0, NOT_FINITE = 1, RULED_OUT = 2, NO_SUCH_TOKEN = 3 };

typedef struct {
    double score;
    int64_t id;
} Candidate;

/* The best of what came by, the worst of them first (in heap order). */
typedef struct {
    Candidate *of;
    int64_t count, most;
} Best;

typedef struct {
    const float *scores;
    int64_t count;
    const int64_t *recent, *forbidden; /* ids; each may be there more than once */
    int64_t n_recent, n_forbidden;
    int64_t top_k, alternatives; /* 1 to MOST; 0 to MOST */
    double penalty, temperature, top_p, min_p, uniform;
    int64_t id, left; /* what is found: the token, and how many it was one of */
    double probability;
    int64_t *other_ids; /* (alternatives,) */
    double *other_probabilities;
    int64_t n_others;
} Choice;

INLINE int is_better(Candidate a, Candidate b) { return a.score > b.score || (a.score == b.score && a.id < b.id); }

static void sink(Best *best, int64_t at, Candidate one) {
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= best->count) break;
        if (child + 1 < best->count && is_better(best->of[child], best->of[child + 1])) child++;
        if (!is_better(one, best->of[child])) break;
        best->of[at] = best->of[child];
        at = child;
    }
    best->of[at] = one;
}

static void offer(Best *best, Candidate one) {
    if (best->count < best->most) {
        int64_t at = best->count++;
        for (; at && is_better(best->of[(at - 1) / 2], one); at = (at - 1) / 2) best->of[at] = best->of[(at - 1) / 2];
        best->of[at] = one;
    } else if (best->most && is_better(one, best->of[0])) {
        sink(best, 0, one);
    }
}

static void rank(Best *best) { /* the best first */
    int64_t count = best->count;
    while (best->count > 1) {
        Candidate worst = best->of[0], last = best->of[--best->count];
        sink(best, 0, last);
        best->of[best->count] = worst;
    }
    best->count = count;
}

static double least_of(const Best *best) {
    return best->count < best->most ? -INFINITY : best->most ? best->of[0].score : INFINITY;
}

static int has(const int64_t *ids, int64_t count, int64_t id) {
    for (int64_t i = 0; i < count; i++)
        if (ids[i] == id) return 1;
    return 0;
}

static int all_are_tokens(const int64_t *ids, int64_t count, int64_t tokens) {
    for (int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= tokens) return 0;
    return 1;
}

static int by_id(const void *a, const void *b) {
    int64_t left = ((const Candidate *)a)->id, right = ((const Candidate *)b)->id;
    return (left > right) - (left < right);
}

/* The largest score; NaN where one is not finite. */
static float largest_of(const float *scores, int64_t count) {
    floats most = all(-INFINITY), wrong = {0};
    for (int64_t i = 0; i < count; i += WIDE) {
        floats v = count - i < WIDE ? all(scores[count - 1]) : load(scores + i);
        if (count - i < WIDE) memcpy(&v, scores + i, (size_t)(count - i) * 4);
        most = choose(v > most, v, most);
        wrong += v * 0.0f;
    }
    float best = most[0];
    for (int at = 1; at < WIDE; at++) best = most[at] > best ? most[at] : best;
    return best + sum_of(wrong);
}

/* The sum of e to the power of each score less the largest, whose own is 1. */
static double sum_of_exponentials(const float *scores, int64_t count, float largest) {
    double sum = 0.0;
    for (int64_t i = 0; i < count;) {
        floats some = {0}; /* of a few vectors, in floats */
        for (int64_t end = i + 8 * WIDE; i < end && i < count; i += WIDE) {
            floats v = exp_of(load_some(scores + i, count - i) - largest);
            some += load_some((const float *)&v, count - i);
        }
        sum += (double)sum_of(some);
    }
    return sum;
}

/* Offer all scores to `best`, but those that are changed, and to `others`. */
static void look_through(const Choice *c, const uint8_t *sieve, Best *best, Best *others) {
    for (int64_t i = 0; i < c->count; i += WIDE) {
        const int64_t left = c->count - i < WIDE ? c->count - i : WIDE;
        const double least = least_of(best), also = least_of(others);
        const float enough = (float)(least < also ? least : also); /* exactly: it is one of the scores, or none */
        int32_t above[WIDE], any = 0;
        const ints which = load_some(c->scores + i, left) > enough;
        memcpy(above, &which, sizeof above);
        for (int at = 0; at < WIDE; at++) any |= above[at];
        for (int64_t at = 0; any && at < left; at++) {
            if (!above[at]) continue;
            const int64_t id = i + at;
            const Candidate one = {c->scores[id], id};
            if (one.score > also) offer(others, one);
            if (one.score <= least) continue;
            if (sieve[id % SIEVE] && (has(c->recent, c->n_recent, id) || has(c->forbidden, c->n_forbidden, id)))
                continue;
            offer(best, one);
        }
    }
}

static void offer_penalised(const Choice *c, Best *best) {
    for (int64_t i = 0; i < c->n_recent; i++) {
        int64_t id = c->recent[i];
        if (has(c->recent, i, id) || has(c->forbidden, c->n_forbidden, id)) continue;
        double before = c->scores[id];
        offer(best, (Candidate){before > 0.0 ? before / c->penalty : before * c->penalty, id});
    }
}

/* Which of the ranked candidates is chosen, after temperature, top-p and min-p. */
static void draw(Choice *c, Candidate *of, int64_t count) {
    double best = of[0].score, sum = 0.0, so_far = 0.0;
    c->left = 1;
    c->id = of[0].id;
    if (c->temperature == 0.0) return;
    for (int64_t i = 0; i < count; i++) { /* a weight takes the place of the score */
        of[i].score = exp((of[i].score - best) / c->temperature);
        sum += of[i].score;
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < count && (c->top_p >= 1.0 || i == 0 || so_far < c->top_p * sum); i++) {
        so_far += of[i].score;
        if (c->min_p > 0.0 ? of[i].score >= c->min_p : of[i].score > 0.0) of[kept++] = of[i];
    }
    c->left = kept;
    if (kept == 1) return;
    qsort(of, (size_t)kept, sizeof *of, by_id);
    sum = so_far = 0.0;
    for (int64_t i = 0; i < kept; i++) sum += of[i].score;
    for (int64_t i = 0; i < kept; i++) {
        c->id = of[i].id;
        so_far += of[i].score;
        if (so_far > c->uniform * sum) break;
    }
}

/* Fill in what is found. `count`, `top_k` and room for the alternatives must be as is said above. */
EXPORTED int ysnakes_choose(Choice *c) {
    Candidate best_of[MOST], others_of[MOST];
    Best best = {best_of, 0, c->top_k}, others = {others_of, 0, c->alternatives};
    if (!all_are_tokens(c->recent, c->n_recent, c->count)) return NO_SUCH_TOKEN;
    if (!all_are_tokens(c->forbidden, c->n_forbidden, c->count)) return NO_SUCH_TOKEN;
    uint8_t sieve[SIEVE] = {0}; /* the ids that may be changed, by their remainders */
    for (int64_t i = 0; i < c->n_recent; i++) sieve[c->recent[i] % SIEVE] = 1;
    for (int64_t i = 0; i < c->n_forbidden; i++) sieve[c->forbidden[i] % SIEVE] = 1;
    const float largest = largest_of(c->scores, c->count);
    if (!isfinite(largest)) return NOT_FINITE;
    look_through(c, sieve, &best, &others);
    offer_penalised(c, &best);
    if (!best.count) return RULED_OUT;
    rank(&best);
    draw(c, best_of, best.count);
    const double sum = sum_of_exponentials(c->scores, c->count, largest);
    c->probability = exp((double)c->scores[c->id] - largest) / sum;
    rank(&others);
    c->n_others = others.count;
    for (int64_t i = 0; i < others.count; i++) {
        c->other_ids[i] = others_of[i].id;
        c->other_probabilities[i] = exp(others_of[i].score - largest) / sum;
    }
    return CHOSEN;
}
