import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    rules: {
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-shadow": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text is inserted as text." },
        { property: "outerHTML", message: "Text is inserted as text." },
        { property: "insertAdjacentHTML", message: "Text is inserted as text." },
        { property: "toLowerCase", message: "Lower case comes from Python; see tokenizer.js." },
      ],
      "max-len": [
        "error",
        { code: 120, ignoreTemplateLiterals: true, ignoreStrings: true, ignoreRegExpLiterals: true },
      ],
      complexity: ["error", 20],
      "max-lines": ["error", 350],
    },
  },
  { files: ["**/guard.js"], languageOptions: { ecmaVersion: 5, sourceType: "script" }, rules: { "no-var": "off" } },
  { files: ["**/*.mjs"], languageOptions: { globals: globals.node } },
];
