"""Tags by which runs are found again."""

RUN_TAG = "thawline.run"
LIVE_TAG = "thawline.live"
PLACE_TAG = "thawline.place"
TRIAL_TAG = "thawline.trial"
MODEL_TAG = "thawline.model"
