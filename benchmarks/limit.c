/* The limit: what an expert writes by hand, one thread, plain C for the compiler to vectorize.
 *
 * Every kernel has one signature: the arrays it reads, in the order of the workload's arguments;
 * the place of its results, one after another; and sizes. Where the work is a matrix product of
 * BLAS there is no kernel here: there the NumPy version is the limit.
 */
#include "limit.h"

/* Seconds that `count` calls take: the arithmetic by itself. */
double seconds(Kernel *kernel, const double *const *in, double *out, const long *n, long count) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (long i = 0; i < count; i++) kernel(in, out, n);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

/* ---- small functions: pure overhead ---- */

void rosenbrock(const double *const *in, double *out, const long *n) {
    In x = in[0];
    Out g = out;
    long last = n[0] - 1;
    g[last] = 0;
    for (long i = 0; i < last; i++) {
        double r = x[i + 1] - x[i] * x[i];
        g[i] = -400 * r * x[i] - 2 * (1 - x[i]);
    }
    for (long i = 0; i < last; i++) g[i + 1] += 200 * (x[i + 1] - x[i] * x[i]);
}

void toy_map_jacobian(const double *const *in, double *out, const long *n) {
    const double *x = in[0];
    out[0] = 2 * x[0], out[1] = 2, out[2] = -1;
    out[3] = cos(x[0]), out[4] = x[2], out[5] = x[1];
}

void toy_hessian(const double *const *in, double *out, const long *n) {
    double e = exp(in[0][2]);
    out[0] = 2, out[1] = 1, out[2] = 0;
    out[3] = 1, out[4] = 6, out[5] = 0;
    out[6] = 0, out[7] = 0, out[8] = e;
}

void recurrence(const double *const *in, double *out, const long *n) {
    double x = in[0][0], y = x, slope = 1;
    for (long i = 0; i < n[0]; i++) {
        slope = cos(y) * 0.9 * slope + 1 / 1.5;
        y = sin(y) * 0.9 + x / 1.5;
    }
    out[0] = slope;
}

/* ---- linear models: one pass over X, a block of rows at a time ---- */

/* z = X w, four rows at once. */
INLINE void margins(In X, In w, Out z, long rows, long d) {
    long i = 0;
    for (; i + 4 <= rows; i += 4) {
        In p = X + i * d, q = p + d, r = q + d, s = r + d;
        double a = 0, b = 0, c = 0, e = 0;
        for (long j = 0; j < d; j++) a += p[j] * w[j], b += q[j] * w[j], c += r[j] * w[j], e += s[j] * w[j];
        z[i] = a, z[i + 1] = b, z[i + 2] = c, z[i + 3] = e;
    }
    for (; i < rows; i++) {
        double a = 0;
        for (long j = 0; j < d; j++) a += X[i * d + j] * w[j];
        z[i] = a;
    }
}

/* g += X' r, four rows at once. */
INLINE void gather(In X, In r, Out g, long rows, long d) {
    long i = 0;
    for (; i + 4 <= rows; i += 4) {
        In p = X + i * d, q = p + d, s = q + d, t = s + d;
        double a = r[i], b = r[i + 1], c = r[i + 2], e = r[i + 3];
        for (long j = 0; j < d; j++) g[j] += a * p[j] + b * q[j] + c * s[j] + e * t[j];
    }
    for (; i < rows; i++)
        for (long j = 0; j < d; j++) g[j] += r[i] * X[i * d + j];
}

#define ROWS 16

INLINE void mean_squared_error_of(const double *const *in, Out g, long n, long d) {
    In w = in[0], X = in[2], y = in[3];
    double b = in[1][0], sum = 0, r[ROWS];
    double inner[128], *h = d <= 128 ? inner : scratch(d);
    for (long j = 0; j < d; j++) h[j] = 0;
    for (long i = 0; i < n; i += ROWS) {
        long rows = n - i < ROWS ? n - i : ROWS;
        margins(X + i * d, w, r, rows, d);
        for (long k = 0; k < rows; k++) r[k] += b - y[i + k], sum += r[k];
        gather(X + i * d, r, h, rows, d);
    }
    for (long j = 0; j < d; j++) g[j] = h[j] * (2.0 / n);
    g[d] = sum * (2.0 / n);
}

/* Five columns: a row is too short for lanes, so eight rows go through side by side. */
INLINE void mean_squared_error_of_five(const double *const *in, Out g, long n) {
    enum { B = 8 };
    In w = in[0], X = in[2], y = in[3];
    double h[6][B] = {{0}}, bias = in[1][0], left[6] = {0};
    long i = 0;
    for (; i + B <= n; i += B) {
        In x = X + i * 5;
        double c[5][B], r[B];
        for (int j = 0; j < 5; j++) LANES c[j][b] = x[5 * b + j];
        LANES r[b] = bias - y[i + b] + c[0][b] * w[0] + c[1][b] * w[1] + c[2][b] * w[2] + c[3][b] * w[3] + c[4][b] * w[4];
        LANES h[5][b] += r[b];
        for (int j = 0; j < 5; j++) LANES h[j][b] += r[b] * c[j][b];
    }
    for (; i < n; i++) {
        double r = bias - y[i];
        for (int j = 0; j < 5; j++) r += X[i * 5 + j] * w[j];
        for (int j = 0; j < 5; j++) left[j] += r * X[i * 5 + j];
        left[5] += r;
    }
    for (int j = 0; j < 6; j++) {
        LANES left[j] += h[j][b];
        g[j] = left[j] * (2.0 / n);
    }
}

void mean_squared_error(const double *const *in, double *out, const long *n) {
    if (n[1] == 5) mean_squared_error_of_five(in, out, n[0]);
    else if (n[1] == 100) mean_squared_error_of(in, out, n[0], 100);
    else mean_squared_error_of(in, out, n[0], n[1]);
}

INLINE void logistic_of(const double *const *in, Out g, long n, long d) {
    In w = in[0], X = in[1], t = in[2];
    double r[ROWS], inner[128], *h = d <= 128 ? inner : scratch(d);
    for (long j = 0; j < d; j++) h[j] = 0;
    for (long i = 0; i < n; i += ROWS) {
        long rows = n - i < ROWS ? n - i : ROWS;
        for (long k = rows; k < ROWS; k++) r[k] = 0;
        margins(X + i * d, w, r, rows, d);
        for (long k = 0; k < ROWS; k++) r[k] = 1 / (1 + exp(-r[k]));
        for (long k = 0; k < rows; k++) r[k] -= t[i + k];
        gather(X + i * d, r, h, rows, d);
    }
    for (long j = 0; j < d; j++) g[j] = h[j];
}

void logistic(const double *const *in, double *out, const long *n) {
    if (n[1] == 50) logistic_of(in, out, n[0], 50);
    else logistic_of(in, out, n[0], n[1]);
}

/* ---- one training step of d -> h -> 1 with ReLU ---- */

/* The gradient into g, laid out W1, b1, W2, b2. */
INLINE void regressor_gradient(const double *const *p, In X, In y, Out g, Out memory, long n, long d, long h) {
    In W1 = p[0], b1 = p[1], W2 = p[2];
    Out g1 = g, gb1 = g1 + d * h, g2 = gb1 + h, gb2 = g2 + h, hidden = memory, back = memory + n * h;
    double bias = p[3][0];
    memset(g, 0, (size_t)(d * h + 2 * h + 1) * sizeof *g);
    for (long i = 0; i < n; i += 2) { /* two rows at once share the loads of W1 */
        long both = i + 1 < n;
        In x = X + i * d, x2 = both ? x + d : x;
        double z[2][h];
        for (long k = 0; k < h; k++) z[0][k] = z[1][k] = b1[k];
        for (long j = 0; j < d; j++)
            for (long k = 0; k < h; k++) z[0][k] += x[j] * W1[j * h + k], z[1][k] += x2[j] * W1[j * h + k];
        for (long r = 0; r <= both; r++) {
            double o = bias, *q = z[r];
            for (long k = 0; k < h; k++) q[k] = q[k] > 0 ? q[k] : 0, o += q[k] * W2[k];
            double e = 2 * (o - y[i + r]) / n;
            *gb2 += e;
            for (long k = 0; k < h; k++) {
                double s = q[k] > 0 ? e * W2[k] : 0;
                hidden[(i + r) * h + k] = q[k], back[(i + r) * h + k] = s;
                g2[k] += e * q[k], gb1[k] += s;
            }
        }
    }
    long i = 0;
    for (; i + 4 <= n; i += 4) {
        In s = back + i * h, x = X + i * d;
        for (long j = 0; j < d; j++) {
            double a = x[j], b = x[d + j], c = x[2 * d + j], e = x[3 * d + j];
            for (long k = 0; k < h; k++) g1[j * h + k] += a * s[k] + b * s[h + k] + c * s[2 * h + k] + e * s[3 * h + k];
        }
    }
    for (; i < n; i++)
        for (long j = 0; j < d; j++)
            for (long k = 0; k < h; k++) g1[j * h + k] += X[i * d + j] * back[i * h + k];
}

static const double *gradient(const double *const *p, In X, In y, const long *n) {
    long size = n[1] * n[2] + 2 * n[2] + 1;
    double *g = scratch(size + 2 * n[0] * n[2]);
    if (n[1] == 20 && n[2] == 32) regressor_gradient(p, X, y, g, g + size, n[0], 20, 32);
    else regressor_gradient(p, X, y, g, g + size, n[0], n[1], n[2]);
    return g;
}

void regressor_sgd(const double *const *in, double *out, const long *n) {
    const double *g = gradient(in, in[4], in[5], n);
    const long sizes[] = {n[1] * n[2], n[2], n[2], 1};
    for (int a = 0; a < 4; out += sizes[a], g += sizes[a], a++) {
        In p = in[a];
        Out q = out;
        for (long i = 0; i < sizes[a]; i++) q[i] = p[i] - 1e-3 * g[i];
    }
}

void regressor_adam(const double *const *in, double *out, const long *n) {
    const double *g = gradient(in, in[13], in[14], n), t = in[12][0];
    const long sizes[] = {n[1] * n[2], n[2], n[2], 1}, all = n[1] * n[2] + 2 * n[2] + 1;
    double rate = 1e-3 / (1 - pow(0.9, t)), spread = 1 / (1 - pow(0.999, t));
    for (int a = 0; a < 4; out += sizes[a], g += sizes[a], a++) {
        In p = in[a], m = in[4 + a], v = in[8 + a];
        Out q = out, r = out + all, s = out + 2 * all;
        for (long i = 0; i < sizes[a]; i++) {
            double f = 0.9 * m[i] + 0.1 * g[i], e = 0.999 * v[i] + 0.001 * g[i] * g[i];
            r[i] = f, s[i] = e;
            q[i] = p[i] - rate * f / (sqrt(e * spread) + 1e-8);
        }
    }
}

/* ---- softmax of a long vector ---- */

void log_sum_exp(const double *const *in, double *out, const long *n) {
    In x = in[0];
    Out g = out;
    double top = -DBL_MAX, sum = 0;
    for (long i = 0; i < n[0]; i++) top = x[i] > top ? x[i] : top;
    for (long i = 0; i < n[0]; i++) g[i] = exp(x[i] - top), sum += g[i];
    double scale = 1 / sum;
    for (long i = 0; i < n[0]; i++) g[i] *= scale;
}

/* ---- k-means: points in lanes ---- */

INLINE void k_means_of(const double *const *in, double *out, long k, long n, long d) {
    enum { B = 32 };
    In C = in[0], P = in[1];
    Out gradient = out, curvature = out + k * d;
    double *X = scratch(d * B + k * d + 2 * k), *sums = X + d * B, *counts = sums + k * d, *norms = counts + k;
    memset(sums, 0, (size_t)(k * d + k) * sizeof *sums);
    for (long c = 0; c < k; c++) {
        norms[c] = 0;
        for (long j = 0; j < d; j++) norms[c] += C[c * d + j] * C[c * d + j];
    }
    for (long i = 0; i < n; i += B) {
        long points = n - i < B ? n - i : B;
        for (long b = 0; b < points; b++)
            for (long j = 0; j < d; j++) X[j * B + b] = P[(i + b) * d + j];
        double best[B], nearest[B];
        LANES best[b] = DBL_MAX, nearest[b] = 0;
        for (long c = 0; c < k; c++) {
            double s[B];
            LANES s[b] = norms[c];
            for (long j = 0; j < d; j++) {
                double twice = -2 * C[c * d + j];
                LANES s[b] += twice * X[j * B + b];
            }
            LANES {
                nearest[b] = s[b] < best[b] ? (double)c : nearest[b];
                best[b] = s[b] < best[b] ? s[b] : best[b];
            }
        }
        for (long b = 0; b < points; b++) {
            long c = (long)nearest[b];
            counts[c] += 1;
            for (long j = 0; j < d; j++) sums[c * d + j] += P[(i + b) * d + j];
        }
    }
    for (long c = 0; c < k; c++)
        for (long j = 0; j < d; j++) {
            gradient[c * d + j] = 2 * (counts[c] * C[c * d + j] - sums[c * d + j]);
            curvature[c * d + j] = 2 * counts[c];
        }
}

void k_means(const double *const *in, double *out, const long *n) {
    if (n[2] == 8) k_means_of(in, out, n[0], n[1], 8);
    else if (n[2] == 16) k_means_of(in, out, n[0], n[1], 16);
    else k_means_of(in, out, n[0], n[1], n[2]);
}

/* ---- Gaussian mixture: points in lanes, triangular products only ---- */

INLINE void mixture_of(const double *const *in, double *out, long d, long k, long n) {
    enum { B = 64 };
    In alphas = in[0], means = in[1], factors = in[2], x = in[3];
    long S = d * (d + 1) / 2;
    Out galphas = out, gmeans = out + k, gfactors = out + k + k * d;
    double *Q = scratch(2 * k * S + k * d * B + 2 * d * B + k * B + 2 * k + k * d);
    double *dQ = Q + k * S, *Y = dQ + k * S, *X = Y + k * d * B, *Z = X + d * B, *T = Z + d * B;
    double *logs = T + k * B, *weights = logs + k, *dS = weights + k;
    memset(dQ, 0, (size_t)(k * S) * sizeof *dQ);
    memset(weights, 0, (size_t)(k + k * d) * sizeof *weights);
    for (long c = 0; c < k; c++) { /* the factors by rows */
        In f = factors + c * S;
        double *q = Q + c * S;
        long t = d;
        logs[c] = alphas[c];
        for (long i = 0; i < d; i++) logs[c] += f[i], q[i * (i + 1) / 2 + i] = exp(f[i]);
        for (long j = 0; j < d; j++)
            for (long i = j + 1; i < d; i++) q[i * (i + 1) / 2 + j] = f[t++];
    }
    for (long p = 0; p < n; p += B) {
        long points = n - p < B ? n - p : B;
        double top[B], sum[B];
        for (long j = 0; j < d; j++) LANES X[j * B + b] = b < points ? x[(p + b) * d + j] : 0;
        LANES top[b] = -DBL_MAX, sum[b] = 0;
        for (long c = 0; c < k; c++) {
            const double *q = Q + c * S, *mean = means + c * d;
            double square[B], *y = Y + c * d * B, *t = T + c * B;
            LANES square[b] = 0;
            for (long j = 0; j < d; j++) LANES Z[j * B + b] = X[j * B + b] - mean[j];
            for (long i = 0; i < d; i++, y += B) {
                double s[B];
                LANES s[b] = 0;
                for (long j = 0; j <= i; j++, q++) LANES s[b] += *q * Z[j * B + b];
                LANES y[b] = s[b], square[b] += s[b] * s[b];
            }
            LANES {
                t[b] = logs[c] - 0.5 * square[b];
                top[b] = t[b] > top[b] ? t[b] : top[b];
            }
        }
        /* What is below 1e-260 of the sum is nothing: denormals would cost ten times the rest. */
        for (long c = 0; c < k; c++) LANES {
            double t = T[c * B + b] - top[b], e = exp(t > -600 ? t : -600);
            T[c * B + b] = e = t > -600 ? e : 0;
            sum[b] += e;
        }
        LANES sum[b] = b < points ? 1 / sum[b] : 0;
        for (long c = 0; c < k; c++) {
            const double *mean = means + c * d, *y = Y + c * d * B;
            double w[B], total = 0, *dq = dQ + c * S;
            LANES w[b] = T[c * B + b] * sum[b], total += w[b];
            weights[c] += total;
            for (long j = 0; j < d; j++) LANES Z[j * B + b] = X[j * B + b] - mean[j];
            for (long i = 0; i < d; i++, y += B) {
                double g[B], s = 0;
                LANES g[b] = w[b] * y[b], s += g[b];
                dS[c * d + i] += s;
                for (long j = 0; j <= i; j++, dq++) {
                    double u = 0;
                    LANES u += g[b] * Z[j * B + b];
                    *dq -= u;
                }
            }
        }
    }
    double high = -DBL_MAX, all = 0;
    for (long c = 0; c < k; c++) high = alphas[c] > high ? alphas[c] : high;
    for (long c = 0; c < k; c++) all += exp(alphas[c] - high);
    memset(gmeans, 0, (size_t)(k * d) * sizeof *gmeans);
    for (long c = 0; c < k; c++) {
        const double *q = Q + c * S, *dq = dQ + c * S, *s = dS + c * d;
        double *gf = gfactors + c * S, *gm = gmeans + c * d;
        long t = d;
        galphas[c] = weights[c] - n * exp(alphas[c] - high) / all;
        for (long i = 0; i < d; i++)
            for (long j = 0; j <= i; j++) gm[j] += q[i * (i + 1) / 2 + j] * s[i];
        for (long i = 0; i < d; i++) {
            double e = q[i * (i + 1) / 2 + i];
            gf[i] = weights[c] + dq[i * (i + 1) / 2 + i] * e + e * e;
        }
        for (long j = 0; j < d; j++)
            for (long i = j + 1; i < d; i++, t++) gf[t] = dq[i * (i + 1) / 2 + j] + factors[c * S + t];
    }
}

void gaussian_mixture(const double *const *in, double *out, const long *n) {
    if (n[0] == 2) mixture_of(in, out, 2, n[1], n[2]);
    else mixture_of(in, out, n[0], n[1], n[2]);
}
