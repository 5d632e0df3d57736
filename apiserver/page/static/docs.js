"use strict";

// The token that somebody enters lives as long as the page: persistAuthorization would put it into localStorage.
SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("swagger-ui"),
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelRendering: "example",
  displayRequestDuration: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  showCommonExtensions: true,
  validatorUrl: null,
});
