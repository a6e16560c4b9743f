"""Rules that find their own step length: by betting, by the distance travelled, or by the loss's value.

Letters as in `jgd.optimizers`; w_0 are the parameters that `init` saw, so give it those that the run starts from.
"""

import optax.contrib

from jgd.transformation import lift

scale_by_cocob = lift(
    optax.contrib.scale_by_cocob,
    name="contrib.scale_by_cocob",
    doc="""COCOB's step: each coordinate bets a share of what it has won on the sign of its next gradient.

    L <- max(L, |g|) (from eps);  G <- G + |g|;  R <- max(R - g (w - w_0), 0);  C <- C - g;
    u = w_0 + C / (L max(G + L, alpha L)) (L + R) - w.

    It descends by itself: nothing that scales goes behind it. Five arrays of state per parameter array.

    >>> import jgd
    >>> jgd.contrib.scale_by_cocob(alpha=50.0)
    contrib.scale_by_cocob(alpha=50.0)

    Source: `optax.contrib.scale_by_cocob`; Orabona & Tommasi, arXiv:1705.07795.
    """,
)

cocob = lift(
    optax.contrib.cocob,
    name="contrib.cocob",
    doc="""COCOB: coin betting in every coordinate, without a learning rate.

    `jgd.contrib.scale_by_cocob` of learning_rate * (g + weight_decay * w). A constant learning rate changes almost nothing, for
    the bets are relative to the gradients; a schedule weighs the steps. `alpha` bounds the first bets.

    >>> import jgd
    >>> jgd.contrib.cocob()
    contrib.cocob()

    Source: `optax.contrib.cocob`; Orabona & Tommasi, arXiv:1705.07795.
    """,
)

dadapt_adamw = lift(
    optax.contrib.dadapt_adamw,
    name="contrib.dadapt_adamw",
    doc="""AdamW whose learning rate D-Adaptation estimates, from below, as the distance to the solution.

    d from estim_lr0;  a = d * learning_rate * sqrt(1 - b2^t) / (1 - b1^t);  q = sqrt(b2);  (b1, b2) = betas;
    r <- q r + (1 - q) a <g, s / (sqrt(v) + eps)>;  s <- q s + (1 - q) a g;  m <- b1 m + (1 - b1) a g;
    v <- b2 v + (1 - b2) g^2;  d <- max(d, r / ((1 - q) |s|_1));  w <- w - m / (sqrt(v) + eps) - weight_decay * a * w,
    where r is computed with the s and v of the step before.

    `learning_rate` is a factor, 1 at its largest: give a schedule for warm-up and decay. Gradients that are all 0 in the first
    step make d NaN.

    >>> import jgd
    >>> jgd.contrib.dadapt_adamw(betas=(0.9, 0.99))
    contrib.dadapt_adamw(betas=(0.9, 0.99))

    Source: `optax.contrib.dadapt_adamw`; Defazio & Mishchenko, arXiv:2301.07733.
    """,
)

prodigy = lift(
    optax.contrib.prodigy,
    name="contrib.prodigy",
    doc="""Prodigy: AdamW whose learning rate is estimated from the way come so far, faster than D-Adaptation does.

    d from estim_lr0;  a = d * learning_rate * sqrt(1 - b2^t) / (1 - b1^t);  (b1, b2) = betas, beta3 = sqrt(b2) if None;
    m <- b1 m + (1 - b1) d g;  v <- b2 v + (1 - b2) (d g)^2;  s <- beta3 s + a d g / estim_lr0;
    r <- beta3 r + a d <g, w_0 - w> / estim_lr0;  d <- max(d, estim_lr_coef * r / |s|_1);
    w <- w - a (m / (sqrt(v) + d eps) + weight_decay * w).

    `safeguard_warmup` puts d in the place of a in s, for schedules that start near 0. `learning_rate` is a factor, 1 at its
    largest. Its state holds w_0 beside s, m and v. Gradients that are all 0 in the first step make d NaN.

    >>> import jgd
    >>> jgd.contrib.prodigy(jgd.schedules.cosine(1.0, 1000))
    contrib.prodigy(learning_rate=schedules.cosine(1.0, 1000.0))

    Source: `optax.contrib.prodigy`; Mishchenko & Defazio, arXiv:2306.06101.
    """,
)

dog = lift(
    optax.contrib.dog,
    name="contrib.dog",
    doc="""DoG: the distance from the start over the root of the summed squares of the gradients, as learning rate.

    r <- max(r, |w - w_0|);  v <- v + |g|^2;  w <- w - learning_rate * r / sqrt(v + eps) * g, norms over all parameters.

    `init_step` is a pair that says how it starts: ("heuristic", a) sets r = a (1 + |w_0|), ("distance", r) sets r itself,
    ("learning_rate", e) takes the first step with the rate e. `weight_decay` is an L2 penalty in g; None leaves it out.
    The paper averages the parameters along the run. Its state holds w_0.

    >>> import jgd
    >>> jgd.contrib.dog(init_step=("distance", 1e-3))
    contrib.dog(init_step=('distance', 0.001))

    Source: `optax.contrib.dog`; Ivgi, Hinder & Carmon, arXiv:2302.12022.
    """,
)

dowg = lift(
    optax.contrib.dowg,
    name="contrib.dowg",
    doc="""DoWG: DoG with every gradient weighted by the distance at its time.

    q <- max(q, |w - w_0|^2);  v <- v + q |g|^2;  w <- w - learning_rate * q / (sqrt(v) + eps) * g, norms over all parameters.

    q starts at `init_estim_sq_dist`, or at eps if that is None. `weight_decay` is an L2 penalty in g; None leaves it out.

    >>> import jgd
    >>> jgd.contrib.dowg(init_estim_sq_dist=1e-2)
    contrib.dowg(init_estim_sq_dist=0.01)

    Source: `optax.contrib.dowg`; Khaled, Mishchenko & Jin, arXiv:2305.16284.
    """,
)

mechanize = lift(
    optax.contrib.mechanize,
    name="contrib.mechanize",
    static=("num_betas",),
    doc="""Mechanic: finds the factor by which to multiply the updates of any other optimizer.

    D = (w_0 - w) / (sum(s) + eps), the sum of the inner updates so far, turned around;  U = inner(g);
    g' = g + weight_decay * sum(s) |g| / (|w| + eps) * w;  h = <g', D>;  for each b = 0.9, 0.99, ... (`num_betas` of them)
    r <- b r + s * clip(h, -m, m);  m <- max(b m, |h| + eps);  v <- b^2 v + h^2;
    s <- (s_init / num_betas * m + max(r, 0)) / (sqrt(v) + eps);  then  w <- w_0 - sum(s) (D - U).

    Give the inner optimizer its schedule with the peak 1. `num_betas` is the length of r, m, v and s, so it is structure. Its
    state holds w_0 beside the inner state.

    >>> import jgd
    >>> jgd.contrib.mechanize(jgd.adam(1.0), weight_decay=0.0)
    contrib.mechanize(adam(1.0), weight_decay=0.0)

    Source: `optax.contrib.mechanize`; Cutkosky, Defazio & Mehta, arXiv:2306.00144.
    """,
)

momo = lift(
    optax.contrib.momo,
    name="contrib.momo",
    doc="""MoMo: momentum with a step as long as the loss's own value allows, at most `learning_rate`.

    f <- beta f + (1 - beta) value;  m <- beta m + (1 - beta) g;  q <- beta q + (1 - beta) <g, w> (each its newest in the first
    step);  a = learning_rate;  k = 1 + a * weight_decay;
    x = min(a, max(0, k (f - lower_bound - q) + <m, w>) / |m|^2), 0 where m = 0;  w <- w / k - x m.

    It needs the loss: `update(g, state, w, value=...)`; jgd's step gives it. `lower_bound` is what the loss cannot fall below;
    with `adapt_lower_bound` it is where an estimate starts.

    >>> import jgd
    >>> round(jgd.minimize(lambda w: (w - 2.0) ** 2, 5.0, jgd.contrib.momo(beta=0.0), steps=20).params.item(), 4)
    2.0

    Source: `optax.contrib.momo`; Schaipp et al., arXiv:2305.07583.
    """,
)

momo_adam = lift(
    optax.contrib.momo_adam,
    name="contrib.momo_adam",
    doc="""MoMo-Adam: Adam with a step as long as the loss's own value allows, at most `learning_rate`.

    f <- b1 f + (1 - b1) value;  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  q <- b1 q + (1 - b1) <g, w>;
    P = eps + sqrt(v^);  a = learning_rate;  k = 1 + a * weight_decay;  c = 1 - b1^t;
    x = min(a / c, max(0, k (f - c * lower_bound - q) + <m, w>) / <m, m / P>), 0 where m = 0;  w <- w / k - x m / P.

    It needs the loss: `update(g, state, w, value=...)`; jgd's step gives it.

    >>> import jgd
    >>> jgd.contrib.momo_adam(0.1, lower_bound=0.3)
    contrib.momo_adam(learning_rate=0.1, lower_bound=0.3)

    Source: `optax.contrib.momo_adam`; Schaipp et al., arXiv:2305.07583.
    """,
)
