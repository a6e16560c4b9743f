"""`python -m jgd`, called in-process: its table against scikit-learn and closed forms, its messages, its picture."""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score

import jgd
from jgd.__main__ import default_chains, known_table, main


def houses(n=60):
    """A table of the usual kind: numbers with gaps, text, and a target that depends on them."""
    rng = np.random.default_rng(0)
    area, rooms = rng.uniform(30, 200, n).round(1), rng.integers(1, 7, n)
    garden = np.where(rng.random(n) < 0.5, "yes", "no")
    price = (2.0 * area + 10.0 * rooms + 30.0 * (garden == "yes") + rng.normal(0, 5, n)).round(2)
    frame = pd.DataFrame({"area": area, "rooms": rooms, "garden": garden, "price": price})
    frame.loc[frame.index % 9 == 4, "area"] = np.nan
    return frame.assign(dear=np.where(price + rng.normal(0, 40, n) > np.median(price), "yes", "no"))


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The path of a CSV file in the working directory, a fresh one."""
    monkeypatch.chdir(tmp_path)
    houses().to_csv("houses.csv", index=False)
    return "houses.csv"


def rows_of(text):
    """The rows of the printed tables: a dict each, by heading."""
    rows, headings, lines = [], None, text.splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch(r"[- ]*--[- ]*", below):
            headings = [(m.start(), m.end()) for m in re.finditer("-+", below)]
            names = [line[a:b].strip() for a, b in headings]
        elif headings and re.match("(full|mini|stoch)", line):
            rows.append({name: line[a:b].strip() for name, (a, b) in zip(names, headings, strict=True)})
        elif not line:
            headings = None
    return rows


def read(file, target, model, **options):
    train = jgd.read(file, target, classes=model == "logistic", held_out=0.2, **options)
    arrays = [np.asarray(a) for a in (train.X, train.y, train.held_out.X, train.held_out.y)]
    return [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]


def test_linear(file, capsys):
    """The converged run is the closed form; the gap is measured from it."""
    run = [file, "--target", "price", "--model", "linear", "--drop", "dear", "--l2", "0.1", "--epochs", "400"]
    assert main([*run, "--optimizer", "gd(0.1)", "gd(0.01)", "--batch-size", "full", "--out", "pictures"]) == 0
    out, err = capsys.readouterr()
    good, slow = rows_of(out)
    X, y, X_test, y_test = read(file, "price", "linear", drop=["dear"])
    exact = Ridge(alpha=len(X) * 0.1 / 2).fit(X, y)
    objective = lambda model: np.mean((model.predict(X) - y) ** 2) + 0.05 * model.coef_ @ model.coef_
    assert float(re.search(r"exact optimum: ([\d.]+)", out)[1]) == pytest.approx(objective(exact), abs=1e-7)
    assert float(good["objective"]) == pytest.approx(objective(exact), abs=1e-5)
    assert float(good["above optimum"]) < 1e-6
    assert float(good["held-out R2"]) == pytest.approx(r2_score(y_test, exact.predict(X_test)), abs=1e-4)
    assert (good["regime"], good["chain"], good["epochs"], good["steps"]) == ("full-batch", "gd(0.1)", "400", "400")
    # The slow one by hand.
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(400):
        error = X @ w + b - y
        w, b = w - 0.01 * (2 * X.T @ error / len(X) + 0.1 * w), b - 0.01 * 2 * error.mean()
    value = np.mean((X @ w + b - y) ** 2) + 0.05 * w @ w
    assert float(slow["objective"]) == pytest.approx(value, abs=1e-5)
    assert float(slow["above optimum"]) == pytest.approx(value - objective(exact), rel=0.1)
    assert float(slow["held-out R2"]) == pytest.approx(r2_score(y_test, X_test @ w + b), abs=1e-4)
    assert good["status"] == slow["status"] == "max_steps"
    # They are the same program.
    assert float(good["compile s"]) > 0
    assert slow["compile s"] == "0.00"
    assert "area: 7 missing values filled by the median" in out
    assert "garden: text with 2 values; a column for each but 'no'" in out
    assert "48 rows to train on, 12 held out; 4 columns" in out
    assert err == ""
    assert not set("\r\x1b") & set(out)
    image = matplotlib.image.imread(re.search("Loss curves: (.*)", out)[1])
    assert min(image.shape[:2]) > 500
    assert image.std() > 0.01


def test_logistic(file, capsys):
    """Text classes; scikit-learn's optimum; mini-batches and single rows come close to it."""
    run = [file, "--target", "dear", "--model", "logistic", "--l2", "0.01", "--epochs", "100", "--out", "."]
    assert main([*run, "--optimizer", "adam(0.03)", "--batch-size", "48", "16", "1", "full"]) == 0
    out = capsys.readouterr().out
    X, y, X_test, y_test = read(file, "dear", "logistic")
    exact = LogisticRegression(C=1 / (len(X) * 0.01), tol=1e-10, max_iter=1000).fit(X, y)
    best = log_loss(y, exact.predict_proba(X)) + 0.005 * (exact.coef_**2).sum()
    assert float(re.search(r"exact optimum: ([\d.]+)", out)[1]) == pytest.approx(best, abs=1e-7)
    rows = rows_of(out)
    # A batch of all 48 training rows is the full batch, and is not run twice.
    assert [row["regime"] for row in rows] == ["full-batch", "mini-batch, 16 rows", "stochastic, 1 row"]
    assert [row["steps"] for row in rows] == ["100", "300", "4800"]
    for row in rows:
        assert float(row["objective"]) == pytest.approx(best + float(row["above optimum"]), rel=0.01)
        assert 0 < float(row["above optimum"]) < 0.1
    assert float(rows[0]["held-out accuracy"]) == pytest.approx(accuracy_score(y_test, exact.predict(X_test)), abs=1e-4)
    assert re.search(r"target 'dear': 2 classes, no \(\d+\), yes \(\d+\)", out)


def test_three_classes(tmp_path, capsys):
    """More classes make a softmax of it, whose optimum is scikit-learn's too."""
    rng = np.random.default_rng(1)
    y = np.arange(90) % 3
    X = rng.normal(size=(90, 2)) + np.array([[0, 0], [1, 0], [0, 1]])[y]
    path = tmp_path / "three.csv"
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.array(["x", "y", "z"])[y]}).to_csv(path, index=False)
    run = [str(path), "--target", "kind", "--model", "logistic", "--epochs", "5", "--batch-size", "full"]
    assert main([*run, "--optimizer", "gd(0.5)", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    X, y, *_ = read(path, "kind", "logistic")
    exact = LogisticRegression(C=1 / (len(X) * 1e-3), tol=1e-10, max_iter=1000).fit(X, y)
    best = log_loss(y, exact.predict_proba(X)) + 0.0005 * (exact.coef_**2).sum()
    assert float(re.search(r"exact optimum: ([\d.]+)", out)[1]) == pytest.approx(best, abs=1e-7)
    assert "three.csv: logistic_regression(l2=0.001, classes=3)" in out


def test_default_chains_are_stable():
    """A row of a rare category, far from all others, sets the rate of single rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    X[:, 2] = np.arange(500) < 2
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    data = jgd.Dataset(X, X @ [1.0, 2.0, 3.0] + rng.normal(size=500))
    problem = jgd.linear_regression()
    for batch_size in ("full", 32, 1):
        chains = default_chains(problem, data, batch_size, 20)
        assert len(chains) == 3
        result = jgd.fit(problem, data, chains[0], batch_size=batch_size, epochs=20)
        assert result.status == "max_steps"
        assert result.objective < 0.3 * result.history.loss[0]


def test_the_best_model_is_saved_and_predicts(file, tmp_path, capsys):
    """That of the smallest objective; for another file, in the target's unit, by `predict`, to the terminal or a file."""
    run = [file, "--target", "price", "--drop", "dear", "--epochs", "50", "--batch-size", "full"]
    assert main([*run, "--optimizer", "gd(3.0)", "gd(0.01)", "gd(0.2)", "gd(0.001)"]) == 0
    out = capsys.readouterr().out
    assert "houses.csv: linear_regression()" in out  # by its target
    assert f"Best model (full-batch, gd(0.2)): {tmp_path / 'jgd-out' / 'model.npz'}\n  to use it: python" in out
    train = jgd.read(file, "price", drop=["dear"], held_out=0.2)
    fitted = jgd.fit(jgd.linear_regression(), train, jgd.gd(0.2), epochs=50)
    houses(90).drop(columns="price").to_parquet("new.parquet")
    expected = fitted.predict("new.parquet")
    assert main(["predict", "jgd-out/model.npz", "new.parquet"]) == 0
    out, err = capsys.readouterr()
    np.testing.assert_allclose(pd.read_csv(io.StringIO(out))["price"], expected, rtol=1e-6)
    assert err == "jgd: 90 predictions\n"
    assert main(["predict", "jgd-out/model.npz", file, "--out", "p.csv"]) == 0
    out, err = capsys.readouterr()
    found = pd.read_csv("p.csv")["price"]
    np.testing.assert_allclose(found, fitted.predict(file), rtol=1e-6)
    score = r2_score(houses()["price"], found)
    assert out == ""
    assert err == f"jgd: 60 predictions: {tmp_path / 'p.csv'}; R2 {score:.4f} over the 60 rows with a target\n"
    houses(5).assign(garden="wild", price="dear").to_csv("odd.csv", index=False)
    assert main(["predict", "jgd-out/model.npz", "odd.csv"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("jgd: garden: 5 rows with a value that no training row had (such as 'wild')")
    assert "jgd: 5 predictions; not compared with the file's targets: the target 'price' of odd.csv holds text" in said[1]


def test_predicted_classes(file, capsys):
    """Labels as the file has them, with their probabilities."""
    run = [file, "--target", "dear", "--epochs", "20", "--batch-size", "full", "--optimizer", "adam(0.1)"]
    assert main(run) == 0
    assert "houses.csv: logistic_regression(l2=0.001)" in capsys.readouterr().out
    loaded = jgd.load("jgd-out/model.npz")
    assert main(["predict", "jgd-out/model.npz", file, "--probabilities"]) == 0
    out, err = capsys.readouterr()
    found = pd.read_csv(io.StringIO(out))
    assert list(found.columns) == ["dear", "P(no)", "P(yes)"]
    assert found["dear"].tolist() == loaded.predict(file).tolist()
    np.testing.assert_allclose(found[["P(no)", "P(yes)"]], loaded.probabilities(file), rtol=1e-6)
    assert f"accuracy {np.mean(found['dear'] == houses()['dear']):.4f} over the 60 rows" in err


def test_options_of_files(tmp_path, monkeypatch, capsys):
    """A headerless file with its own mark for what is missing, weights and rare texts, with decimal commas."""
    monkeypatch.chdir(tmp_path)
    towns = ["Bonn", "York"] * 14 + ["Oslo", "Rome"]
    lines = [f"{i % 7},5;{towns[i]};{'-' if i % 9 == 1 else i % 5};{i};{1 + i % 2}" for i in range(30)]
    Path("raw.txt").write_text("\n".join(lines) + "\n")
    run = ["raw.txt", "--columns", "a", "town", "b", "y", "w", "--target", "y", "--sample-weight", "w", "--missing", "-"]
    assert main([*run, "--rare", "3", "--decimal", ",", "--epochs", "2", "--optimizer", "gd(0.1)", "--batch-size", "full"]) == 0
    out = capsys.readouterr().out
    assert "town: text with 3 values, 2 of fewer than 3 rows joined as '(other)'" in out
    assert "b: 4 missing values filled by the median" in out
    data = jgd.load("jgd-out/model.npz").encoder.encode("raw.txt")
    assert data.columns == ("a", "town=York", "town=(other)", "b", "b is missing")
    assert data.sample_weight[1] / data.sample_weight[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.npx", "houses.csv"], r"no such file: model.npx; did you mean 'model.npz'\?"),
        (["houses.csv", "houses.csv"], r"houses.csv is not a saved result, or a damaged one: result.save\(path\) writes one"),
        (["model.npz", "house.csv"], "no such file: house.csv; did you mean 'houses.csv'"),
        (["model.npz", "other.csv"], "other.csv has no column 'area', which the training data had: did you mean 'areas'"),
        (
            ["model.npz", "houses.csv", "--probabilities"],
            "--probabilities are those of classes, and this model predicts a number",
        ),
        (["model.npz", "houses.csv", "--out", "no/where.csv"], r"cannot write to --out no/where.csv \(No such.*\): give"),
        (["arrays.npz", "houses.csv"], "arrays.npz was fitted to arrays, and reads no files: fit it to what jgd.read"),
    ],
)
def test_bad_predictions(arguments, message, file, capsys):
    houses().rename(columns={"area": "areas"}).to_csv("other.csv", index=False)
    data = jgd.read(file, "price", drop=["dear"])
    jgd.solve(jgd.linear_regression(), data).save("model.npz")
    jgd.solve(jgd.linear_regression(), (data.X, data.y)).save("arrays.npz")
    assert main(["predict", *arguments]) == 2
    assert re.search(f"^jgd: {message}", capsys.readouterr().err)


def test_a_reader_that_goes_away_is_no_error(file):
    """As `| head` does."""
    jgd.solve(jgd.linear_regression(), jgd.read(file, "price", drop=["dear"])).save("model.npz")
    command = [sys.executable, "-m", "jgd", "predict", "model.npz", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert process.returncode == 1


def test_no_model_is_saved_where_every_run_failed(file, capsys):
    run = [file, *LINEAR, "--epochs", "200", "--batch-size", "full", "--optimizer", "gd(1e30)"]
    assert main(run) == 0
    assert "No model saved: every run failed." in capsys.readouterr().out
    assert not Path("jgd-out/model.npz").exists()


def test_diverging(file, capsys):
    """A run that fails is named, in the table and below it, and stops no other; the picture is drawn all the same."""
    run = [file, "--target", "price", "--model", "linear", "--drop", "dear", "--epochs", "200", "--batch-size", "full"]
    assert main([*run, "--optimizer", "gd(3.0)", "gd(1e30)", "gd(0.1)", "gd(0.1)"]) == 0
    out = capsys.readouterr().out
    rows = rows_of(out)
    assert [row["status"] for row in rows] == ["diverged", "nonfinite", "max_steps"]
    assert re.search(r"full-batch, gd\(3.0\): diverged at step .* Lower the learning rate", out)
    assert float(rows[0]["objective"]) > 1e4
    assert matplotlib.image.imread("jgd-out/loss-curves.png").shape[2] == 4


def test_separable(tmp_path, capsys):
    """No optimum: said, and the table and the picture do without."""
    path = tmp_path / "$a_b$.csv"
    pd.DataFrame({"_x $1": np.arange(20), "länge": np.arange(20) % 3, "big": np.arange(20) > 9}).to_csv(path, index=False)
    run = [str(path), "--target", "big", "--model", "logistic", "--l2", "0", "--epochs", "3", "--batch-size", "full", "5"]
    assert main([*run, "--optimizer", "gd(0.1)", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "no optimum found: the classes may be separable; try --l2" in out
    assert {row["above optimum"] for row in rows_of(out)} == {"-"}


def test_demonstration(tmp_path, capsys):
    """scikit-learn's two data sets, three regimes, three chains each."""
    assert main(["--epochs", "3", "--out", str(tmp_path / "deep" / "er")]) == 0
    out = capsys.readouterr().out
    rows = rows_of(out)
    regimes = ["full-batch", "mini-batch, 32 rows", "stochastic, 1 row"]
    assert [row["regime"] for row in rows] == [regime for regime in regimes for _ in range(3)] * 2
    assert {(row["status"], row["epochs"]) for row in rows} == {("max_steps", "3")}
    assert [int(row["steps"]) for row in rows[::3]] == [3, 36, 1062, 3, 45, 1365]
    for row in rows:
        jgd.parse(row["chain"])
        assert 0 < float(row["above optimum"]) < float(row["objective"]) < 1
    linear, logistic = (float(found) for found in re.findall(r"exact optimum: ([\d.]+)", out))
    diabetes, cancer = known_table("diabetes"), known_table("breast_cancer")
    X, y = np.asarray(diabetes.X, float), np.asarray(diabetes.y, float)
    assert linear == pytest.approx(np.mean((LinearRegression().fit(X, y).predict(X) - y) ** 2), abs=1e-7)
    X, y = np.asarray(cancer.X, float), np.asarray(cancer.y)
    exact = LogisticRegression(C=1 / (len(X) * 1e-3), tol=1e-10, max_iter=10000).fit(X, y)
    assert logistic == pytest.approx(log_loss(y, exact.predict_proba(X)) + 5e-4 * (exact.coef_**2).sum(), abs=1e-7)
    assert "354 rows to train on, 88 held out" in out
    assert "455 rows to train on, 114 held out" in out
    assert matplotlib.image.imread(tmp_path / "deep" / "er" / "loss-curves.png").shape[0] > 1000


def test_interrupted(file, capsys, monkeypatch):
    """Ctrl-C during a fit ends everything, without a traceback."""

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("jgd.__main__.fit", interrupted)
    assert main([file, "--target", "price", "--model", "linear"]) == 130
    assert capsys.readouterr().err == "jgd: interrupted.\n"


LINEAR = ["--target", "price", "--model", "linear"]
LOGISTIC = ["--target", "dear", "--model", "logistic"]


@pytest.fixture
def nothing_computed(monkeypatch):
    def computed(*args, **kwargs):
        raise AssertionError("something was computed")

    monkeypatch.setattr("jgd.__main__.fit", computed)
    monkeypatch.setattr("jgd.__main__.solve", computed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "prise", "--model", "linear"], r"houses.csv has no column 'prise': did you mean 'price'\?"),
        ([*LINEAR, "--drop", "ares"], "no column 'ares': did you mean 'area' or"),
        ([*LINEAR, "--drop", "dear", "price"], "the target 'price' is among the columns to drop"),
        (["--model", "linear"], r"the target is missing: which of the columns area, rooms, garden, price, dear\?"),
        (
            ["--target", "dear", "--model", "linear"],
            r"the target 'dear' of houses.csv is text \(such as '(yes|no)'\): is the mod",
        ),
        (["--target", "price", "--model", "logistic"], r"numbers that are not classes \(such as [\d.]+\): is the model"),
        ([*LINEAR, "--batch-size", "0"], "--batch-size takes 'full' or whole numbers of at least 1, found '0'"),
        ([*LINEAR, "--batch-size", "full", "x"], "--batch-size takes .* found 'x'"),
        ([*LINEAR, "--batch-size", "2.5"], "--batch-size takes .* found '2.5'"),
        ([*LINEAR, "--batch-size", "49"], "--batch-size 49 is more than the 48 training rows of houses.csv"),
        ([*LINEAR, "--epochs", "0"], "--epochs must be at least 1, found 0"),
        ([*LINEAR, "--optimizer", "adma(0.1)"], r"unknown name 'adma'; did you mean .*'adam'"),
        ([*LINEAR, "--optimizer", "gd(0.1)", "adam"], r"adam is a factory; call it, as in 'adam\(...\)'"),
        ([*LINEAR, "--optimizer", "chain(clip(1.0), adam"], r"cannot read 'chain\(clip\(1.0\), adam'"),
        ([*LINEAR, "--optimizer", "adam(-1.0)"], "learning_rate must be at least 0"),
        ([*LINEAR, "--optimizer", "schedules.cosine(0.1, 9)"], r"'schedules.cosine\(0.1, 9\)' is not an optimizer"),
        ([*LINEAR, "--l2", "-1"], "l2 must be at least 0 and finite, found -1"),
        ([*LINEAR, "--seed", "-1"], "--seed must be at least 0 and below 2.32, found -1"),
        ([*LINEAR, "--l2", "nan"], "l2 is NaN"),
        ([*LINEAR, "--out", "houses.csv"], "--out houses.csv is a file: give a directory"),
        ([*LINEAR, "--out", "houses.csv/deeper"], r"cannot write to --out houses.csv/deeper \(.*\): give another"),
    ],
)
def test_bad_options(file, options, message, capsys, nothing_computed):
    assert main([file, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(f"^jgd: .*{message}", err)


def test_unwritable(file, capsys, nothing_computed, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert main([file, *LINEAR]) == 2
    assert "cannot write to --out jgd-out (Permission denied): give another directory" in capsys.readouterr().err


@pytest.mark.parametrize("options", [LINEAR[:2], LINEAR[2:], ["--drop", "x"]])
def test_options_without_file(options, capsys, nothing_computed):
    assert main(options) == 2
    assert "--target, --model and --drop go with a file; example: python -m jgd houses.csv" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--model", "lin"], ["--epochs", "x"], ["--epoks", "3"], ["--seed", "0.5"]])
def test_unknown_options(options, capsys):
    with pytest.raises(SystemExit) as exit:
        main(options)
    assert exit.value.code == 2
    assert "usage: python -m jgd" in capsys.readouterr().err


NUMBERS = "".join(f"{i},{i % 7}\n" for i in range(60))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "bad.csv is empty: it needs a line of column names"),
        ("\n\n", "bad.csv is empty"),
        ("x,price\n", "bad.csv has column names but no rows"),
        ("x,price\n1,2\n3,4,5\n", "bad.csv is ragged: line 3 has 3 fields, the line of column names 2"),
        ("x,price\n1,2\n3\n", "bad.csv is ragged: line 3 has 1 fields, the line of column names 2"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", r"bad.csv is not text in UTF-8 \(invalid start byte at byte 0\)"),
        ("x,price\nä,1\n".encode("latin-1"), "bad.csv is not text in UTF-8"),
        ("0.5,2,3\n0.6,2,5\n", r"the first line of bad.csv holds values \(such as 0.5\), not the names of the columns"),
        ("x,x,price\n1,2,3\n", "bad.csv has more than one column called 'x': rename all but one"),
        ("x,price\n1,2\n3,4\n5,6\n7,8\n", "bad.csv has 4 rows with a target; at least 5 are needed"),
        ("x,price\n" + NUMBERS + "inf,3\n", "column 'x' of bad.csv has 1 infinite value: correct or remove such rows"),
        ("x,price\n" + NUMBERS + "1,-inf\n2,inf\n", "the target 'price' of bad.csv has 2 infinite values"),
        ("x,price\n" + NUMBERS + "x,y\n", r"the target 'price' of bad.csv is text \(such as '0'\): is the model logistic"),
        ("x,price\n" + "".join(f"u{i},{i}\n" for i in range(90)), r"text \(such as 'u0'\) with 72 .* --drop 'x'"),
        ("x,price\n" + "".join(f"{i if i % 9 else '?'},{i}\n" for i in range(90)), r"numbers and text \(such as '\?'\)"),
        (
            "x,price\n" + "".join(f"2024-01-{i + 1},{i}\n" for i in range(9)),
            r"holds dates \(such as '2024-01-1'\)",
        ),
        ("x,price\n" + "".join(f"{i + 1}.1.2024,{i}\n" for i in range(9)), r"column 'x' of bad.csv holds dates"),
        ("x,price\n" + ",1\n" * 3 + ",2\n" * 6, "every column of bad.csv is empty or constant in the training rows: there"),
        ("x,price\n" + "3,1\n" * 3 + "3,2\n" * 6, "every column of bad.csv is constant in the training rows"),
        ("x,price\n" + "3,1\n4,1\n" * 6, "the target 'price' of bad.csv is constant in the training rows"),
        ("price\n1\n2\n3\n4\n5\n", "bad.csv has no column besides the target to learn from"),
    ],
)
def test_bad_files(content, message, tmp_path, monkeypatch, capsys, nothing_computed):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["bad.csv", *LINEAR]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(f"^jgd: .*{message}", err)
    assert not (tmp_path / "jgd-out").exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 20, "the target 'dear' of bad.csv has one class only, a: there is nothing to tell apart"),
        ([f"name {i}" for i in range(99)], "the target 'dear' of bad.csv has 99 different values: is it an identifier"),
        (list(range(99)), "the target 'dear' of bad.csv has 99 different values: is the model linear?"),
        (["inf", 1, 0] * 9, "the target 'dear' of bad.csv has 9 infinite values"),
    ],
)
def test_bad_classes(labels, message, tmp_path, monkeypatch, capsys, nothing_computed):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"x": np.arange(len(labels)), "dear": labels}).to_csv("bad.csv", index=False)
    assert main(["bad.csv", *LOGISTIC]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_no_such_file(file, capsys, nothing_computed):
    assert main(["house.csv", *LINEAR]) == 2
    assert "jgd: no such file: house.csv; did you mean 'houses.csv'?" in capsys.readouterr().err
    assert main(["no/where.csv", *LINEAR]) == 2
    assert "jgd: no such file: no/where.csv" in capsys.readouterr().err
    assert main([".", *LINEAR]) == 2
    assert "jgd: . is a directory: give a file in it" in capsys.readouterr().err
