"use strict";

const text = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
const code = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

Redoc.init(
  "/openapi.json",
  {
    expandResponses: "200,202",
    pathInMiddlePanel: true,
    sortRequiredPropsFirst: true,
    theme: {
      colors: { primary: { main: "#0f766e" } },
      typography: {
        fontFamily: text,
        headings: { fontFamily: text, fontWeight: "600" },
        code: { fontFamily: code },
      },
    },
  },
  document.getElementById("reference"),
);
