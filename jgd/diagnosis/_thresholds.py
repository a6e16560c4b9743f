"""Every threshold of the diagnoses, with its reason.

A cause is reported where it is there *and* something is wrong that it explains: most thresholds are of what counts as wrong.
"""

# **Converged.** A gap below STATISTICAL times what the randomness of the rows moves the optimum by (for p parameters and n rows,
# p/n of the objective for squares and p/2n for log-likelihoods, on average) changes no conclusion; neither does one below FALLEN
# of the whole way from the start, as on rows without noise.
STATISTICAL, FALLEN = 1.0, 1e-6
# Where no optimum is known, a run still has to go where the loss is on course to fall by this share of what it fell so far.
REMAINING = 0.01

# **Curves.** The tail is the last third of the records, and at least MIN_RECORDS, as of fewer neither noise nor a trend can be
# told; a change within it is a trend beyond NOISE standard errors.
TAIL, MIN_RECORDS, NOISE = 3, 6, 3.0
# Records in whose last half there are the three points that a law and its error take.
FEW = 8
# Steady progress is where at least this share of the tail's records is lower than the one before; by chance half of them are.
STEADY = 0.8
# A noisy tail is higher than the start where its median is by this many times the median distance from it, or doubled.
ROSE = 2.0
# A forecast of more steps than this says that the run does not get there.
NEVER = 1e12
# Records that differ by less than so many units in the last place are the same: a loss is a mean, which rounding moves by a few.
ULPS = 32.0

# **Learning rates.** Rounding decides within a millionth of a threshold.
BEYOND = 1 + 1e-6
# Of a stable rate, at most this share is "small": below it the rate is named as what makes a run slow.
SMALL = 0.1

# **Columns.** Standardised columns must need this many times fewer steps for scales to be the cause: an order of magnitude.
SLOWER = 10.0
# Such columns differ from the middle one by this factor in size: squared, in curvature.
ODD = 5.0
# A column is a sum of others where what is left of its spread is below float32's resolution of the column (its square is first
# looked at, of which NEARLY may be rounding); nearly, where gradient descent on standardised columns needs this many steps, and
# of its variance at most 1 / VIF is its own (10 is the usual limit).
EXACT, NEARLY, NEAR_STEPS, VIF = 1e-6, 1e-9, 1000.0, 10.0
# A column is constant where its spread is below float32's resolution of its size.
CONSTANT = 1e-6

# **Gradients.** Backpropagation has vanished where an array's gradient is below this part of the largest one's, in root mean
# squares: healthy layers are within 1e-3 of each other; and exploded where a relative change of an array by 1 would change the
# loss by this many times its scale (that of a constant prediction), to first order: about 1 in a healthy network.
VANISHED, EXPLODED = 1e-4, 1e3
# Sudden: this many times the median before.
SUDDEN = 1e3
# Rounding has taken over where it is at least this part of the gradient, or of the step it makes.
ROUNDED = 0.5

# **Structure in residuals.** At least this share of their variance must be explained on held-out rows, and this many standard
# errors.
STRUCTURE, CERTAINTY = 0.05, 5.0
# **Overfitting.** The validation loss must have risen by this share of its minimum, and beyond its noise: a few hundred rows held
# out cannot tell a few percent.
RISE = 0.05

# **Large data.** Products of all rows up to this many multiplications (seconds); more are taken of evenly spaced rows. How many
# rows a linear program takes at first, and residuals and gradients at most.
PRODUCTS, PROGRAM_ROWS, RESIDUAL_ROWS, GRADIENT_ROWS = 3e10, 1500, 20_000, 1024
# Multiplications of Newton's method on the host, a step; seconds and rounds of a linear program.
NEWTON, PROGRAM_SECONDS, ROUNDS = 2e9, 5.0, 12
