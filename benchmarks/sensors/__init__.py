"""Energy, heat and clocks of the machine that measures: one file per sensor, chosen by `meter`."""
