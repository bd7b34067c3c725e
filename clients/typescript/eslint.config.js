import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  globalIgnores(["src/generated", "dist", "programs", "tested", "node_modules"]),
  js.configs.recommended,
  typescript.configs.strictTypeChecked,
  typescript.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      // What returns nothing may do so.
      "@typescript-eslint/no-invalid-void-type": "off",
      "max-lines": ["error", 300],
    },
  },
  { files: ["**/*.js"], extends: [typescript.configs.disableTypeChecked] },
  {
    files: ["test/**"],
    rules: {
      // node:test's promises are its own.
      "@typescript-eslint/no-floating-promises": "off",
      // A newer sidecar says what this client does not know.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
    },
  },
);
