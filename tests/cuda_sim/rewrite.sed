# Launches as the C++ compiler takes them: see device.h.
s/([A-Za-z_][A-Za-z_0-9]*(<[A-Za-z_0-9, ]*>)?)<<</sim::launch(\1, /
s/>>>\(/)(/
