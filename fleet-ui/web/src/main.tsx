import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { openQueryClient } from './api/query-client.ts';
import { openRouter } from './router.tsx';
import { theme } from './theme.ts';
import './styles/mantine.css';
import './styles/theme.css';
import './styles/parts.css';
import './styles/shell.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
const queries = openQueryClient();
createRoot(root).render(
  <StrictMode>
    {/* Colours and classes come from style sheets: the policy of the page lets nothing inject a <style>. */}
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queries}>
        <RouterProvider router={openRouter()} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
