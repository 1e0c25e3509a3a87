"""The look of the dashboard: all panels at once where there is room, else one at each of two places."""

DASHBOARD_CSS = """
Dashboard { layout: vertical; height: 1fr; }
Dashboard #upper { height: 3fr; }
Dashboard #charts { width: 1fr; }
Dashboard #loss-chart { height: 3fr; padding: 0 1 0 0; }
Dashboard #bits-chart { height: 2fr; padding: 0 1 0 0; }
Dashboard #rates { height: 3; layout: horizontal; }
Dashboard Sparkline { height: 3; width: 1fr; margin: 0 2 0 0; }
Dashboard #side { width: 38; padding: 0 1; border-left: solid $border-blurred; scrollbar-size-vertical: 1; }
Dashboard #side:focus { border-left: heavy $primary; }
Dashboard #title { height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
Dashboard #title.-good { color: $success; }
Dashboard #title.-waiting { color: $warning; }
Dashboard #title.-bad { color: $error; }
Dashboard #facts { height: auto; margin: 1 0 0 0; text-wrap: nowrap; text-overflow: ellipsis; }
Dashboard #side Meter { height: 2; }
Dashboard #gpu { display: none; }
Dashboard.-gpu #gpu { display: block; }
Dashboard #stopping {
    height: auto;
    padding: 0 1;
    border-top: solid $border-blurred;
    border-title-color: $primary;
}
Dashboard #words { height: auto; max-height: 3; color: $text-muted; }
Dashboard #ending { display: none; }
Dashboard #lower { height: 2fr; }
Dashboard .panel { width: 1fr; border-top: solid $border-blurred; border-title-color: $primary; }
Dashboard .panel:focus { border-top: heavy $primary; }
Dashboard #checkpoints { height: 1fr; background: $background; padding: 0 1; }
Dashboard #lower > .-aside { display: none; }
Dashboard #lower > .-beside { display: block; }
Dashboard OptionList, Dashboard OptionList:focus {
    border-left: none;
    border-right: none;
    border-bottom: none;
}
Dashboard PanelTabs { display: none; }
Dashboard.-ended #ending { display: block; }
Dashboard.-ended #stopping { display: none; }

Dashboard.-compact PanelTabs { display: block; }
Dashboard.-compact #upper { height: 2fr; max-height: 11; }
Dashboard.-compact #lower { height: 1fr; }
Dashboard.-compact.-tall #upper { height: 1fr; max-height: 100%; }
Dashboard.-compact #charts > * { display: none; }
Dashboard.-compact #charts > .-chosen { display: block; height: 1fr; }
Dashboard.-compact #rates { layout: vertical; }
Dashboard.-compact #side { width: 33; }
Dashboard.-compact #side Meter { height: 1; }
Dashboard.-compact #facts { margin: 0; }
Dashboard.-compact #stopping { border-top: none; }
Dashboard.-compact #ending { border-top: none; background: $surface; }
Dashboard.-compact #lower > * { display: none; }
Dashboard.-compact #lower > .-chosen { display: block; }
Dashboard.-compact .panel { border-top: none; }
"""
