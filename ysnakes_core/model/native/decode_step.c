/* One token of a text, or one for each of several, through the whole model: the recurrence of
   `LanguageModel.step` in place, shared among threads. Plain C; `native_decoding.py` holds the other half.

   Of each layer there are three stages: the in-projection, by its rows; convolution, state and gate, by heads;
   the out-projection, by its rows. What a stage's parts have in common (a norm) each thread computes for
   itself. */

#include "products.h"
#include "sharing.h"

#define STAGES 3            /* of a layer; one more for the head */
#define PART_BYTES 65536    /* of a weight that is taken at once, about */

typedef struct {
    Matrix in_proj, out_proj;
    const float *norm_weight, *norm_bias;  /* (d_model,); no bias: by the root of the mean square */
    const float *conv_weight, *conv_bias;  /* (d_conv, channels), the oldest position first; (channels,) */
    const float *dt_bias, *A, *D;          /* (heads,) */
    const float *gate_weight;              /* (d_inner,) */
    float *ring;                           /* (d_conv, batch, width of in_proj): projections, by position */
    float *ssm;                            /* (batch, heads, head_dim, d_state) */
} Layer;

typedef struct {
    int64_t batch, d_model, n_layers, d_inner, n_heads, head_dim, d_state, n_groups, d_conv;
    int64_t stride;       /* of a row in scratch: a multiple of 64 that holds d_model and d_inner */
    int64_t scratch_size; /* bytes of scratch for a thread */
    int64_t n_threads;    /* that there is scratch for */
    double norm_eps, gate_eps, dt_limit;
    Matrix embedding, head;
    const float *norm_weight, *norm_bias;
    const Layer *layers;
    float *hidden;  /* (batch, d_model) */
    float *gated;   /* (batch, d_inner) */
    float *squares; /* (batch, heads): of a head's gated numbers, summed */
    float *logits;  /* (batch, vocabulary) */
    char *scratch;
    Stage *stages;      /* STAGES a layer and one */
    int64_t position;   /* of the newest token, from 0 */
    uint64_t work;      /* the number of the step, from 1; below 2^32 */
    uint64_t last_done; /* the last one that is over */
} Step;

/* In how many parts a weight's rows are shared, and how many of them make one. */
static int64_t parts_of(const Matrix *by, int64_t *rows) {
    static const int64_t bytes[] = {4, 2, 1};
    int64_t some = PART_BYTES / (by->columns * bytes[by->kind]) & ~(int64_t)3;
    if (some < 4) some = 4;
    while ((by->rows + some - 1) / some > MOST_PARTS) some *= 2;
    *rows = some;
    return (by->rows + some - 1) / some;
}

static Numbers scratch_of(const Step *s, int64_t thread) {
    char *own = s->scratch + thread * s->scratch_size;
    int64_t count = s->batch * s->stride;
    Numbers of = {(float *)own, (int8_t *)(own + count * 4), (float *)(own + count * 5), s->stride};
    return of;
}

static void look_up(const Step *s, const int64_t *tokens) {
    const Matrix *from = &s->embedding;
    for (int64_t b = 0; b < s->batch; b++) {
        float *to = s->hidden + b * s->d_model;
        int64_t at = tokens[b] * s->d_model;
        if (from->kind == FLOAT32) memcpy(to, (const float *)from->weight + at, (size_t)s->d_model * 4);
        for (int64_t i = 0; i < s->d_model && from->kind != FLOAT32; i++) {
            if (from->kind == INT8) {
                to[i] = (float)((const int8_t *)from->weight)[at + i] * from->scale[tokens[b]];
            } else {
                uint32_t bits = (uint32_t)((const uint16_t *)from->weight)[at + i] << 16;
                memcpy(to + i, &bits, 4);
            }
        }
    }
}

/* LayerNorm, or RMSNorm where there is no bias, of each row of hidden. */
static void norm(const Step *s, const float *weight, const float *bias, const Numbers *to) {
    const int64_t n = s->d_model;
    for (int64_t b = 0; b < s->batch; b++) {
        const float *x = s->hidden + b * n;
        float *y = to->numbers + b * to->stride, mean = 0.0f;
        memset(y + n, 0, (size_t)(to->stride - n) * 4);
        if (bias) {
            floats sum = {0};
            for (int64_t i = 0; i < n; i += WIDE) sum += load_some(x + i, n - i);
            mean = sum_of(sum) / (float)n;
        }
        floats squares = {0};
        for (int64_t i = 0; i < n; i += WIDE) {
            floats v = load_some(x + i, n - i);
            v = v - mean;
            if (n - i < WIDE) v = load_some((const float *)&v, n - i);
            squares += v * v;
        }
        float scale = 1.0f / sqrtf(sum_of(squares) / (float)n + (float)s->norm_eps);
        if (bias)
            for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
        else
            for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
    }
}

/* The gated numbers, each group of them by the root of its mean square. */
static void gated_norm(const Step *s, const float *weight, const Numbers *to) {
    int64_t heads = s->n_heads / s->n_groups, size = heads * s->head_dim;
    for (int64_t b = 0; b < s->batch; b++) {
        float *y = to->numbers + b * to->stride;
        memset(y + s->d_inner, 0, (size_t)(to->stride - s->d_inner) * 4);
        for (int64_t g = 0; g < s->n_groups; g++) {
            float square = 0.0f;
            for (int64_t h = 0; h < heads; h++) square += s->squares[b * s->n_heads + g * heads + h];
            float scale = 1.0f / sqrtf(square / (float)size + (float)s->gate_eps);
            const float *x = s->gated + b * s->d_inner;
            for (int64_t i = g * size; i < (g + 1) * size; i++) y[i] = x[i] * scale * weight[i];
        }
    }
}

/* The convolution and SiLU of `count` channels from `channel` on, of a row of the batch. */
static void convolve(const Step *s, const Layer *l, int64_t b, int64_t channel, int64_t count, float *to) {
    const int64_t channels = s->d_inner + 2 * s->n_groups * s->d_state, width = l->in_proj.rows;
    for (int64_t i = 0; i < count; i += WIDE) {
        const int64_t left = count - i;
        floats sum = load_some(l->conv_bias + channel + i, left);
        for (int64_t tap = 0; tap < s->d_conv; tap++) {
            int64_t place = (s->position + 1 + tap) % s->d_conv; /* the oldest first */
            const float *from = l->ring + (place * s->batch + b) * width + s->d_inner + channel + i;
            sum += load_some(l->conv_weight + tap * channels + channel + i, left) * load_some(from, left);
        }
        store_some(to + i, silu_of(sum), left);
    }
}

/* A head's next state, and y of it, (head_dim,). */
INLINE void next_state(float *state, int64_t head_dim, int64_t d_state, float decay, float dt, float D,
                       const float *x, const float *B, const float *C, float *y) {
    const int64_t left = d_state % WIDE;
    for (int64_t p = 0; p < head_dim; p++) {
        float *row = state + p * d_state, added = dt * x[p];
        floats sum = {0};
        int64_t i = 0;
        for (; i < d_state - left; i += WIDE) {
            floats v = load(row + i) * decay + load(B + i) * added;
            store(row + i, v);
            sum += v * load(C + i);
        }
        if (left) {
            floats v = load_some(row + i, left) * decay + load_some(B + i, left) * added;
            store_some(row + i, v, left);
            sum += v * load_some(C + i, left);
        }
        y[p] = sum_of(sum) + D * x[p];
    }
}

static float softplus(float x) { return x > 20.0f ? x : log1pf(expf(x)); }

/* Convolution, state and gate of one head of a row of the batch; B and C, of its group, are there. */
static void head_of_row(const Step *s, const Layer *l, int64_t b, int64_t h, const float *B, float *x, float *y) {
    const int64_t width = l->in_proj.rows, size = s->head_dim;
    const float *newest = l->ring + ((s->position % s->d_conv) * s->batch + b) * width;
    float dt = softplus(newest[width - s->n_heads + h] + l->dt_bias[h]);
    dt = dt > (float)s->dt_limit ? (float)s->dt_limit : dt;
    float decay = expf(dt * l->A[h]);
    convolve(s, l, b, h * size, size, x);
    float *state = l->ssm + (b * s->n_heads + h) * size * s->d_state;
    if (s->d_state == 64)
        next_state(state, size, 64, decay, dt, l->D[h], x, B, B + s->d_state, y);
    else
        next_state(state, size, s->d_state, decay, dt, l->D[h], x, B, B + s->d_state, y);
    floats squares = {0};
    for (int64_t i = 0; i < size; i += WIDE) {
        const int64_t left = size - i;
        floats v = load_some(y + i, left) * silu_of(load_some(newest + h * size + i, left));
        store_some(s->gated + b * s->d_inner + h * size + i, v, left);
        squares += v * v;
    }
    s->squares[b * s->n_heads + h] = sum_of(squares);
}

/* The parts of a product that this thread takes; `ready` says whether its numbers are. 0: the step is over. */
static int product(Step *s, Stage *stage, uint64_t work, const Matrix *by, const Layer *l, int of_gated, float *out,
                   int add, int64_t thread) {
    int64_t rows, parts = parts_of(by, &rows), part;
    Numbers of = scratch_of(s, thread);
    int ready = 0;
    while ((part = take(stage, work, parts, thread)) >= 0) {
        if (!ready) {
            if (of_gated)
                gated_norm(s, l->gate_weight, &of);
            else if (l)
                norm(s, l->norm_weight, l->norm_bias, &of);
            else
                norm(s, s->norm_weight, s->norm_bias, &of);
            make_ready(&of, s->batch, by->columns, by->kind);
            ready = 1;
        }
        int64_t last = (part + 1) * rows;
        /* Where it is written to depends on the position, which is this step's while a part of it is taken. */
        float *to = out ? out : l->ring + (s->position % s->d_conv) * s->batch * by->rows;
        multiply(by, &of, s->batch, part * rows, last < by->rows ? last : by->rows, to, by->rows, add);
        part_is_done(stage);
    }
    if (part == -2) return 0;
    wait_for(stage, work * (uint64_t)parts);
    return 1;
}

static int heads(Step *s, Stage *stage, uint64_t work, const Layer *l, int64_t thread) {
    const int64_t parts = s->batch * s->n_heads, by_group = s->n_heads / s->n_groups;
    float *own = scratch_of(s, thread).numbers, *x = own + 2 * s->d_state + WIDE, *y = x + s->head_dim + WIDE;
    int64_t part, known = -1;
    while ((part = take(stage, work, parts, thread)) >= 0) {
        int64_t b = part / s->n_heads, h = part % s->n_heads, group = h / by_group;
        if (known != b * s->n_groups + group) {
            int64_t channel = s->d_inner + group * s->d_state;
            convolve(s, l, b, channel, s->d_state, own);
            convolve(s, l, b, channel + s->n_groups * s->d_state, s->d_state, own + s->d_state);
            known = b * s->n_groups + group;
        }
        head_of_row(s, l, b, h, own, x, y);
        part_is_done(stage);
    }
    if (part == -2) return 0;
    wait_for(stage, work * (uint64_t)parts);
    return 1;
}

/* Begin a step with a token for each row of the batch: 0; -1 if there is no such token; -2 if the last step
   was begun and not ended. */
EXPORTED int ysnakes_begin(Step *s, const int64_t *tokens) {
    if (s->work != s->last_done) return -2;
    for (int64_t b = 0; b < s->batch; b++)
        if (tokens[b] < 0 || tokens[b] >= s->embedding.rows) return -1;
    look_up(s, tokens);
    s->position++;
    const uint64_t work = s->work + 1;
    for (int64_t i = 0; i < STAGES * s->n_layers + 1; i++)
        __atomic_store_n(&s->stages[i].taken, work << 32, __ATOMIC_RELEASE);
    __atomic_store_n(&s->work, work, __ATOMIC_RELEASE);
    return 0;
}

/* Take part in the step that was begun, if it goes on. Thread 0 returns when it is over. */
EXPORTED void ysnakes_help(Step *s, int64_t thread) {
    const uint64_t work = __atomic_load_n(&s->work, __ATOMIC_ACQUIRE);
    if (thread >= s->n_threads || __atomic_load_n(&s->last_done, __ATOMIC_ACQUIRE) == work) return;
    Stage *stage = s->stages;
    for (const Layer *l = s->layers; l < s->layers + s->n_layers; l++, stage += STAGES) {
        if (!product(s, stage, work, &l->in_proj, l, 0, 0, 0, thread)) return;
        if (!heads(s, stage + 1, work, l, thread)) return;
        if (!product(s, stage + 2, work, &l->out_proj, l, 1, s->hidden, 1, thread)) return;
    }
    if (!product(s, stage, work, &s->head, 0, 0, s->logits, 0, thread)) return;
    if (thread == 0) __atomic_store_n(&s->last_done, work, __ATOMIC_RELEASE);
}

/* Many rows of numbers times a weight in int8: a prompt that is taken in, by the same sums as a step. */
typedef struct {
    Matrix by;
    const float *x;   /* (count, columns) */
    float *out;       /* (count, rows) */
    int64_t count;
    int64_t stride;   /* of a row of levels: columns, to a multiple of 64 */
    int8_t *levels;   /* (count, stride) */
    float *steps;     /* (count,) */
    Stage stages[2];
    uint64_t over;
} Product;

#define ROWS_AT_ONCE 32 /* of numbers: some tens of kilobytes */

/* Take part in a product, each field of which is set and the stages' `taken` 1 << 32. Thread 0 returns when it
   is over. */
EXPORTED void ysnakes_help_product(Product *p, int64_t thread) {
    if (__atomic_load_n(&p->over, __ATOMIC_ACQUIRE)) return;
    const Numbers of = {0, p->levels, p->steps, p->stride};
    int64_t part, pieces = (p->count + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
    while ((part = take(&p->stages[0], 1, pieces, thread)) >= 0) {
        int64_t last = (part + 1) * ROWS_AT_ONCE < p->count ? (part + 1) * ROWS_AT_ONCE : p->count;
        for (int64_t b = part * ROWS_AT_ONCE; b < last; b++)
            round_to_levels(p->x + b * p->by.columns, p->by.columns, p->levels + b * p->stride, p->steps + b);
        part_is_done(&p->stages[0]);
    }
    wait_for(&p->stages[0], (uint64_t)pieces);
    int64_t rows, parts = parts_of(&p->by, &rows);
    while ((part = take(&p->stages[1], 1, parts, thread)) >= 0) {
        int64_t first = part * rows, last = first + rows < p->by.rows ? first + rows : p->by.rows;
        for (int64_t b = 0; b < p->count; b += ROWS_AT_ONCE) {
            Numbers some = {0, of.levels + b * of.stride, of.steps + b, of.stride};
            int64_t count = p->count - b < ROWS_AT_ONCE ? p->count - b : ROWS_AT_ONCE;
            multiply(&p->by, &some, count, first, last, p->out + b * p->by.rows, p->by.rows, 0);
        }
        part_is_done(&p->stages[1]);
    }
    wait_for(&p->stages[1], (uint64_t)parts);
    if (thread == 0) __atomic_store_n(&p->over, 1, __ATOMIC_RELEASE);
}
