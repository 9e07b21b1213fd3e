"""Measuring: latency, peers, and the comparison of ours with theirs."""
