"""Scenes to learn from: folders, manifests and rendered brackets, and the crops taken of them."""
