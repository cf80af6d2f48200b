/* The limit of long loops over a small state: reverse sweeps by hand. See limit.c. */
#include "limit.h"

/* ---- Runge-Kutta: states are stored, stages computed again ---- */

INLINE void force(const double *y, double mu, double *f) {
    double r2 = y[0] * y[0] + y[1] * y[1], pull = -mu / (r2 * sqrt(r2));
    f[0] = y[2], f[1] = y[3], f[2] = pull * y[0], f[3] = pull * y[1];
}

/* The cotangent of the state, from that of the force; that of mu is added up. */
INLINE void force_back(const double *y, double mu, const double *g, double *back, double *gmu) {
    double r2 = y[0] * y[0] + y[1] * y[1], inverse = 1 / r2, cube = inverse / sqrt(r2);
    double pull = -mu * cube, s = g[2] * y[0] + g[3] * y[1], t = -3 * pull * s * inverse;
    *gmu -= s * cube;
    back[0] = pull * g[2] + t * y[0], back[1] = pull * g[3] + t * y[1];
    back[2] = g[0], back[3] = g[1];
}

#define FOUR for (int i = 0; i < 4; i++)

void runge_kutta(const double *const *in, double *out, const long *n) {
    const double h = 0.01, mu = in[1][0];
    double *states = scratch(4 * n[0] + 4), *y = states, g[4], gmu = 0;
    double k1[4], k2[4], k3[4], k4[4], a[4], c[4], e[4];
    FOUR y[i] = in[0][i];
    for (; y < states + 4 * n[0]; y += 4) {
        force(y, mu, k1);
        FOUR a[i] = y[i] + h / 2 * k1[i];
        force(a, mu, k2);
        FOUR c[i] = y[i] + h / 2 * k2[i];
        force(c, mu, k3);
        FOUR e[i] = y[i] + h * k3[i];
        force(e, mu, k4);
        FOUR y[4 + i] = y[i] + h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    }
    FOUR g[i] = 2 * y[i];
    for (y -= 4; y >= states; y -= 4) {
        double w[4], v[4], next[4];
        force(y, mu, k1);
        FOUR a[i] = y[i] + h / 2 * k1[i];
        force(a, mu, k2);
        FOUR c[i] = y[i] + h / 2 * k2[i];
        force(c, mu, k3);
        FOUR e[i] = y[i] + h * k3[i];
        FOUR w[i] = h / 6 * g[i];
        force_back(e, mu, w, v, &gmu);
        FOUR next[i] = g[i] + v[i], w[i] = h / 3 * g[i] + h * v[i];
        force_back(c, mu, w, v, &gmu);
        FOUR next[i] += v[i], w[i] = h / 3 * g[i] + h / 2 * v[i];
        force_back(a, mu, w, v, &gmu);
        FOUR next[i] += v[i], w[i] = h / 6 * g[i] + h / 2 * v[i];
        force_back(y, mu, w, v, &gmu);
        FOUR g[i] = next[i] + v[i];
    }
    FOUR out[i] = g[i];
    out[4] = gmu;
}

/* ---- LSTM with diagonal weights: at most sixteen units, padded to full vectors ---- */

enum { M = 16, KEEP = 0, ENTER = M, LEAVE = 2 * M, CHANGE = 3 * M, CELL = 4 * M, TANH = 5 * M, HIDDEN = 6 * M, STORE = 7 * M };
#define UNITS for (int k = 0; k < M; k++)

INLINE double squash(double z) { return 1 / (1 + exp(-z)); }
INLINE double hyperbolic(double z) { return 2 / (1 + exp(-2 * z)) - 1; }

static void padded(double *to, In from, long rows, long b) {
    memset(to, 0, (size_t)(rows * M) * sizeof *to);
    for (long i = 0; i < rows; i++)
        for (long k = 0; k < b; k++) to[i * M + k] = from[i * b + k];
}

/* n: layers, length, units. A layer's weights, then its biases: keep, enter, leave, change. */
void lstm(const double *const *in, double *out, const long *n) {
    long L = n[0], steps = n[1] - 1, b = n[2], width = 8 * L * M;
    double *store = scratch(steps * L * STORE + 2 * width + 6 * M + 4 * L * M + (2 * steps + 1) * M);
    double *main = store + steps * L * STORE, *extra = main + width, *first = extra + 3 * M;
    double *text = first + 2 * L * M, *error = text + (steps + 1) * M, *gmain = error + steps * M;
    double *gextra = gmain + width, *dh = gextra + 3 * M, *dc = dh + L * M;
    const double *weigh = extra + M, *shift = extra + 2 * M;
    padded(main, in[0], 8 * L, b);
    padded(extra, in[1], 3, b);
    padded(first, in[2], 2 * L, b);
    padded(text, in[3], steps + 1, b);
    memset(gmain, 0, (size_t)(width + 3 * M + 2 * L * M) * sizeof *gmain);
    for (long t = 0; t < steps; t++) {
        const double *target = text + (t + 1) * M;
        double x[M], e[M], all = 2, sum = 0;
        UNITS x[k] = text[t * M + k] * extra[k];
        for (long l = 0; l < L; l++) {
            In w = main + 8 * l * M, before = store + ((t - 1) * L + l) * STORE;
            In h = t ? before + HIDDEN : first + 2 * l * M, c = t ? before + CELL : first + (2 * l + 1) * M;
            Out r = store + (t * L + l) * STORE;
            UNITS {
                double keep = squash(x[k] * w[k] + w[4 * M + k]), enter = squash(h[k] * w[M + k] + w[5 * M + k]);
                double leave = squash(x[k] * w[2 * M + k] + w[6 * M + k]);
                double change = hyperbolic(h[k] * w[3 * M + k] + w[7 * M + k]);
                double cell = c[k] * keep + enter * change, bent = hyperbolic(cell);
                r[KEEP + k] = keep, r[ENTER + k] = enter, r[LEAVE + k] = leave, r[CHANGE + k] = change;
                r[CELL + k] = cell, r[TANH + k] = bent, r[HIDDEN + k] = x[k] = leave * bent;
            }
        }
        UNITS e[k] = exp(x[k] * weigh[k] + shift[k]), sum += target[k];
        for (long k = 0; k < b; k++) all += e[k];
        UNITS error[t * M + k] = k < b ? (e[k] * (sum / all) - target[k]) / (double)(steps * b) : 0;
    }
    for (long t = steps - 1; t >= 0; t--) {
        double dx[M];
        const double *last = store + (t * L + L - 1) * STORE + HIDDEN;
        UNITS {
            double d = error[t * M + k];
            gextra[M + k] += d * last[k], gextra[2 * M + k] += d;
            dx[k] = d * weigh[k];
        }
        for (long l = L - 1; l >= 0; l--) {
            In w = main + 8 * l * M, r = store + (t * L + l) * STORE, before = store + ((t - 1) * L + l) * STORE;
            In h = t ? before + HIDDEN : first + 2 * l * M, c = t ? before + CELL : first + (2 * l + 1) * M;
            Out g = gmain + 8 * l * M;
            double x[M];
            if (l) UNITS x[k] = store[(t * L + l - 1) * STORE + HIDDEN + k];
            else UNITS x[k] = text[t * M + k] * extra[k];
            UNITS {
                double d = dx[k] + dh[l * M + k], keep = r[KEEP + k], enter = r[ENTER + k], leave = r[LEAVE + k];
                double change = r[CHANGE + k], bent = r[TANH + k];
                double dcell = dc[l * M + k] + d * leave * (1 - bent * bent);
                double dkeep = dcell * c[k] * keep * (1 - keep), denter = dcell * change * enter * (1 - enter);
                double dleave = d * bent * leave * (1 - leave), dchange = dcell * enter * (1 - change * change);
                g[k] += dkeep * x[k], g[M + k] += denter * h[k];
                g[2 * M + k] += dleave * x[k], g[3 * M + k] += dchange * h[k];
                g[4 * M + k] += dkeep, g[5 * M + k] += denter, g[6 * M + k] += dleave, g[7 * M + k] += dchange;
                dx[k] = dkeep * w[k] + dleave * w[2 * M + k];
                dh[l * M + k] = denter * w[M + k] + dchange * w[3 * M + k];
                dc[l * M + k] = dcell * keep;
            }
        }
        UNITS gextra[k] += dx[k] * text[t * M + k];
    }
    for (long i = 0; i < 8 * L + 3; i++)
        for (long k = 0; k < b; k++) *out++ = i < 8 * L ? gmain[i * M + k] : gextra[(i - 8 * L) * M + k];
}
