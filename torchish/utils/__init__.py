"""torch.utils: subpackages are imported by name (`torchish.utils.data`), so that low layers may use `hooks`."""
