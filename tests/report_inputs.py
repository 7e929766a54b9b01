"""What the stage `report` reads, as small as can be: three classes, five trials, one mistake."""

import numpy as np
import pandas as pd
from samples import draw, encode

from components.data.images.policy import AugmentationDescription
from components.frame import files
from components.frame.tables import write_csv
from components.tasks.classification import Classification

NAMES = ("01", "1", "NA")
"""Classes that a reader of tables could take for numbers, or for nothing."""
NETWORK = {
    "architecture": "test_efficientnet",
    "arguments": {},
    "task": {"name": "classification", "classes": list(NAMES)},
    "transform": {"size": 24, "resize": 24, "mean": [0.5] * 3, "std": [0.5] * 3},
    "freeze_depth": 1,
    "layer": "head",
    "trained_fraction": 0.1,
    "learning_rate": 1e-3,
    "base": {"source": "random weights", "licence": "none needed", "sha256": ""},
}
EPOCH = {
    "train_loss": 0.5,
    "train_score": 0.7,
    "validation_loss": 0.4,
    "validation_score": 0.8,
    "validation_score_error": 0.05,
    "learning_rate": 1e-4,
}


def trial(number, stage="full", *, state="complete", epochs=2, chosen=False, freeze_depth=1):
    return {
        "number": number,
        "state": state,
        "stage": stage,
        "freeze_depth": freeze_depth,
        "learning_rate": 1e-3,
        "epochs": epochs,
        "validation_score": 0.8 if epochs else np.nan,
        "cost": 50,
        "cached": False,
        "magnitude": 1,
        "chosen": chosen,
    }


def write_search(folder):
    rows = [
        trial(0),
        trial(1, "probe", state="pruned", epochs=1, freeze_depth=0),
        trial(2, state="pruned", epochs=1),
        trial(3, state="failed", epochs=0),
        trial(4, "confirmation", chosen=True),
    ]
    curves = [
        {"number": row["number"], "epoch": epoch + 1, **EPOCH}
        for row in rows
        for epoch in range(row["epochs"])
    ]
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "trials.csv", index=False)
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    depths = {"freeze_depth": [0, 1], "layer": ["0", "head"], "trained_fraction": [1.0, 0.1]}
    depths["trial_cost"] = [100, 10]
    pd.DataFrame(depths).to_csv(folder / "freeze_depths.csv", index=False)
    files.write_json(folder / "importances.json", {"learning_rate": 1.0})
    files.write_text(
        folder / "decisions.csv", "trials_before,decision\n4,head at 0.001 is chosen.\n"
    )


def write_train(folder, names=NAMES):
    folder.mkdir(parents=True)
    pd.DataFrame([{"epoch": 1, **EPOCH}, {"epoch": 2, **EPOCH}]).to_csv(
        folder / "history.csv", index=False
    )
    files.write_json(folder / "training.json", {"kept_epoch": 2})
    task = {"name": "classification", "classes": list(names)}
    files.write_json(folder / "network.json", NETWORK | {"task": task})


def write_evaluate(folder, raw, names=NAMES, file="3.png"):
    """One right answer for each class, and the second taken for the third."""
    task = Classification(tuple(names))
    truth = pd.Series([*names, names[1]], name="class")
    answers = np.eye(len(names), dtype=np.float32)[[*range(len(names)), 2]]
    told = task.predictions(answers, truth)
    told["path"] = [*(f"{number}.png" for number in range(len(names))), file]
    folder.mkdir(parents=True)
    write_csv(folder / "mistakes.csv", task.mistakes(told))
    for name, table in task.tables(answers, truth, lambda _scores: (0.25, 0.75)).items():
        write_csv(folder / "tables" / f"{name}.csv", table)
    metrics = {"accuracy": 0.75, "accuracy_low": 0.3, "accuracy_high": 0.9}
    metrics |= {"majority_fraction": 0.5, "calibration_error": 0.2, "log_loss": 1.5}
    files.write_json(
        folder / "metrics.json", metrics | {"confidence_level": 0.95, "images": len(told)}
    )
    for number, path in enumerate(told["path"]):
        files.write_bytes(raw / path, encode(draw(number)))


def write_images(build, names=NAMES):
    """What stands of the images in tables, and the preview."""
    rows = [
        {"path": f"{number}.png", "class": name, "split": split, "width": 40, "height": 30}
        for number, name in enumerate(names)
        for split in ("train", "train", "val", "test")
    ]
    (build / "split").mkdir(parents=True)
    pd.DataFrame(rows).assign(bytes=900).to_parquet(build / "split/splits.parquet")
    files.write_text(
        build / "validate/quarantine.csv",
        "path,class,reason,detail\nbroken.png,1,unreadable,cut short\n",
    )
    files.write_bytes(build / "augment/preview.png", encode(draw(9)))
    AugmentationDescription(
        task="classification",
        evaluation={},
        training={},
        mirrored=True,
        mirroring="training may mirror images: of 40 images 90.0% are known",
    ).write(build / "augment/augmentation.json")


def write_all(root, names=NAMES, file="3.png"):
    """All of it in a project's folder."""
    build = root / "build"
    write_images(build, names)
    write_search(build / "search")
    write_train(build / "train", names)
    write_evaluate(build / "evaluate", root / "data/raw", names, file)
